#include "sampler/noise.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>

#include <vector>

#include "base/check.h"

namespace bafa::sampler {

at::Tensor draw_noise(const StepInput& input, LastStep last) {
  std::vector<std::int64_t> shape = input.latents.sizes().vec();
  shape[0] = 1;
  const at::TensorOptions drawn = at::TensorOptions(input.noise_dtype);
  std::vector<at::Tensor> noise;
  for (const Position& position : input.positions) {
    const bool at_end = position.index + 1 == static_cast<int>(position.schedule->timesteps.size());
    if (at_end && last == LastStep::rests) {
      noise.push_back(at::zeros(shape, drawn));
      continue;
    }
    CHECK(position.generator.defined());
    noise.push_back(at::randn(shape, position.generator, drawn));
  }
  return at::cat(noise).to(input.latents.device(), at::kFloat);
}

}  // namespace bafa::sampler
