#include "nn/timestep_embedding.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>

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

at::Tensor guidance_sinusoids(const at::Tensor& guidance_scales, std::int64_t features) {
  CHECK(guidance_scales.dim() == 1 && guidance_scales.scalar_type() == at::kDouble);
  CHECK(features >= 4 && features % 2 == 0);
  const std::int64_t half = features / 2;
  const at::Tensor scales = (guidance_scales - 1).to(at::kFloat) * 1000.0;
  const at::Tensor step =
      at::full({}, 10000.0, at::TensorOptions(at::kFloat)).log() / static_cast<double>(half - 1);
  const at::Tensor frequencies = (at::arange(half, scales.options()) * -step).exp();
  const at::Tensor angle = scales.unsqueeze(1) * frequencies.unsqueeze(0);
  return at::cat({angle.sin(), angle.cos()}, 1);
}

TimestepEmbedding::TimestepEmbedding(const weights::WeightScope& scope,
                                     const TimestepEmbeddingOptions& options)
    : linear_1_(scope / "linear_1", options.in, options.out, {.activation = Activation::silu}),
      linear_2_(scope / "linear_2", options.out, options.out) {
  if (options.condition_features > 0)
    cond_proj_.emplace(scope / "cond_proj", options.condition_features, options.in,
                       LinearOptions{.bias = false});
}

at::Tensor TimestepEmbedding::operator()(const at::Tensor& sinusoids,
                                         const at::Tensor& condition) const {
  CHECK(condition.defined() == cond_proj_.has_value());
  return linear_2_(linear_1_(cond_proj_ ? (*cond_proj_)(condition, sinusoids) : sinusoids));
}

}  // namespace bafa::nn
