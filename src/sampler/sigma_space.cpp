#include "sampler/sigma_space.h"

#include <ATen/TensorOperators.h>

#include "base/check.h"
#include "sampler/step_table.h"

namespace bafa::sampler {
namespace {

at::Tensor clean_of(Prediction type, const StepInput& input) {
  const auto [sigma, spread, variance, v_scale] =
      columns_of<kSigmaColumns>(input.positions, input.latents);
  const at::Tensor prediction = input.prediction.to(at::kFloat);
  switch (type) {
    case Prediction::epsilon: return input.latents - sigma * prediction;
    case Prediction::v: return prediction * v_scale + input.latents / variance;
    case Prediction::sample: return prediction;
  }
  CHECK(false);
}

}  // namespace

Schedule sigma_schedule(const DiffusionConfig& config, const SigmaTimes& times,
                        const std::vector<at::Tensor>& own) {
  const at::Tensor sigma = times.sigmas.slice(0, 0, -1);
  const at::Tensor variance = sigma.pow(2) + 1;
  const at::Tensor spread = variance.pow(0.5);
  std::vector<at::Tensor> columns{sigma, spread, variance, -sigma / spread};
  columns.insert(columns.end(), own.begin(), own.end());
  const at::Tensor largest = times.sigmas.max();
  const at::Tensor scale =
      config.spacing == Spacing::leading ? (largest.pow(2) + 1).pow(0.5) : largest;
  return {.timesteps = to_vector(times.timesteps),
          .sigmas = to_vector(times.sigmas),
          .initial_scale = scale.item<float>(),
          .table = step_table(columns)};
}

at::Tensor over_spread(const at::Tensor& latents, std::span<const Position> positions) {
  return latents / columns_of<2>(positions, latents)[1];
}

SigmaSlope sigma_slope(Prediction type, const StepInput& input) {
  const at::Tensor sigma = columns_of<1>(input.positions, input.latents)[0];
  at::Tensor clean = clean_of(type, input);
  at::Tensor slope = (input.latents - clean) / sigma;
  return {.clean = std::move(clean), .slope = std::move(slope)};
}

}  // namespace bafa::sampler
