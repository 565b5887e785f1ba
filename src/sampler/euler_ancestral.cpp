#include "sampler/euler_ancestral.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>

#include "base/check.h"
#include "sampler/noise.h"
#include "sampler/noise_levels.h"
#include "sampler/sigma_space.h"
#include "sampler/step_table.h"

namespace bafa::sampler {

Requirements euler_ancestral_requirements() {
  return {{"prediction_type", {"epsilon", "v_prediction"}}};
}

EulerAncestralConfig parse_euler_ancestral_config(ComponentConfig& config) {
  require(config, euler_ancestral_requirements());
  EulerAncestralConfig parsed;
  parsed.diffusion = parse_diffusion_config(config, parsed.diffusion);
  finish_diffusion_config(config);
  return parsed;
}

EulerAncestral::EulerAncestral(const EulerAncestralConfig& config)
    : config_(config),
      levels_(sigmas_of(alphas_cumprod(config.diffusion, LastAlpha::above_zero))) {}

int EulerAncestral::max_steps() const { return most_spaced_steps(config_.diffusion); }

Schedule EulerAncestral::schedule(int steps) const {
  CHECK(steps >= 1 && steps <= max_steps());
  const at::Tensor timesteps =
      spaced_timesteps(config_.diffusion, steps, LastPoint::kept).to(at::kFloat);
  const at::Tensor sigmas =
      at::cat({interpolated(levels_, timesteps).to(at::kFloat), at::zeros({1})});
  const at::Tensor from = sigmas.slice(0, 0, -1);
  const at::Tensor to = sigmas.slice(0, 1);
  const at::Tensor up = (to.pow(2) * (from.pow(2) - to.pow(2)) / from.pow(2)).pow(0.5);
  const at::Tensor down = (to.pow(2) - up.pow(2)).pow(0.5);
  return sigma_schedule(config_.diffusion, {.timesteps = timesteps, .sigmas = sigmas},
                        {down - from, up});
}

at::Tensor EulerAncestral::denoiser_input(const at::Tensor& latents,
                                          std::span<const Position> positions) const {
  return over_spread(latents, positions);
}

StepOutput EulerAncestral::step(const StepInput& input) const {
  const SigmaSlope at_sigma = sigma_slope(config_.diffusion.prediction, input);
  const auto columns = columns_of<kSigmaColumns + 2>(input.positions, input.latents);
  const at::Tensor& change = columns[kSigmaColumns];
  const at::Tensor& up = columns[kSigmaColumns + 1];
  const at::Tensor noise = draw_noise(input, LastStep::draws);
  return {.latents = input.latents + at_sigma.slope * change + noise * up,
          .denoised = at_sigma.clean};
}

}  // namespace bafa::sampler
