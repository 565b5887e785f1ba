#include "sampler/consistency_timesteps.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>

#include "base/check.h"

namespace bafa::sampler {

std::int64_t read_distilled_steps(ComponentConfig& config, const DiffusionConfig& diffusion) {
  return config.integer("original_inference_steps", 50, {1, diffusion.train_steps});
}

at::Tensor consistency_timesteps(const DiffusionConfig& diffusion, std::int64_t distilled_steps,
                                 int steps) {
  CHECK(steps >= 1 && steps <= distilled_steps);
  const std::int64_t stride = diffusion.train_steps / distilled_steps;
  const at::Tensor distilled = at::arange(distilled_steps, 0, -1) * stride - 1;
  const double part = static_cast<double>(distilled_steps) / steps;
  const at::Tensor chosen = (at::arange(steps, at::TensorOptions(at::kDouble)) * part).floor();
  return distilled.index_select(0, chosen.to(at::kLong));
}

}  // namespace bafa::sampler
