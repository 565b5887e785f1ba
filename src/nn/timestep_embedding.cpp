#include "nn/timestep_embedding.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>

#include <cmath>

#include "base/check.h"

namespace bafa::nn {

at::Tensor timestep_sinusoids(const at::Tensor& timesteps, const SinusoidOptions& options) {
  CHECK(timesteps.dim() == 1 && timesteps.scalar_type() == at::kFloat);
  CHECK(options.features > 0 && options.features % 2 == 0);
  const std::int64_t half = options.features / 2;
  const double divisor = static_cast<double>(half) - options.freq_shift;
  at::Tensor exponent = at::arange(half, timesteps.options());
  exponent = exponent.mul_(-std::log(10000.0)).div_(divisor);
  const at::Tensor angle = timesteps.unsqueeze(1) * exponent.exp_().unsqueeze(0);
  const at::Tensor sine = angle.sin();
  const at::Tensor cosine = angle.cos();
  return options.flip_sin_to_cos ? at::cat({cosine, sine}, 1) : at::cat({sine, cosine}, 1);
}

TimestepEmbedding::TimestepEmbedding(const weights::WeightScope& scope, std::int64_t in,
                                     std::int64_t out)
    : linear_1_(scope / "linear_1", in, out, {.activation = Activation::silu}),
      linear_2_(scope / "linear_2", out, out) {}

at::Tensor TimestepEmbedding::operator()(const at::Tensor& sinusoids) const {
  return linear_2_(linear_1_(sinusoids));
}

}  // namespace bafa::nn
