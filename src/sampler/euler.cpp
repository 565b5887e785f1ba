#include "sampler/euler.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/diff.h>
#include <ATen/ops/zeros.h>

#include "base/check.h"
#include "sampler/karras.h"
#include "sampler/noise_levels.h"
#include "sampler/sigma_space.h"
#include "sampler/step_table.h"

namespace bafa::sampler {

Requirements euler_requirements() {
  return {{"interpolation_type", {"linear"}},
          {"timestep_type", {"discrete"}},
          {"use_exponential_sigmas", {false}},
          {"use_beta_sigmas", {false}},
          {"sigma_min", {nullptr}},
          {"sigma_max", {nullptr}},
          {"final_sigmas_type", {"zero", "sigma_min"}}};
}

EulerConfig parse_euler_config(ComponentConfig& config) {
  require(config, euler_requirements());
  EulerConfig parsed;
  parsed.diffusion = parse_diffusion_config(config, parsed.diffusion);
  parsed.karras_sigmas = config.boolean("use_karras_sigmas", false);
  parsed.ends_at_sigma_min = config.string("final_sigmas_type", "zero") == "sigma_min";
  finish_diffusion_config(config);
  return parsed;
}

Euler::Euler(const EulerConfig& config)
    : config_(config),
      levels_(sigmas_of(alphas_cumprod(config.diffusion, LastAlpha::above_zero))) {}

int Euler::max_steps() const { return most_spaced_steps(config_.diffusion); }

Schedule Euler::schedule(int steps) const {
  CHECK(steps >= 1 && steps <= max_steps());
  at::Tensor timesteps = spaced_timesteps(config_.diffusion, steps, LastPoint::kept).to(at::kFloat);
  at::Tensor sigmas = interpolated(levels_, timesteps);
  if (config_.karras_sigmas) {
    sigmas = karras_sigmas(sigmas[0].item<double>(), sigmas[-1].item<double>(), steps);
    timesteps = timesteps_at(sigmas, levels_);
  }
  const at::Tensor end = config_.ends_at_sigma_min ? levels_.slice(0, 0, 1) : at::zeros({1});
  sigmas = at::cat({sigmas.to(at::kFloat), end});
  return sigma_schedule(config_.diffusion, {.timesteps = timesteps, .sigmas = sigmas},
                        {at::diff(sigmas)});
}

at::Tensor Euler::denoiser_input(const at::Tensor& latents,
                                 std::span<const Position> positions) const {
  return over_spread(latents, positions);
}

StepOutput Euler::step(const StepInput& input) const {
  const SigmaSlope at_sigma = sigma_slope(config_.diffusion.prediction, input);
  const at::Tensor change =
      columns_of<kSigmaColumns + 1>(input.positions, input.latents)[kSigmaColumns];
  return {.latents = input.latents + at_sigma.slope * change, .denoised = at_sigma.clean};
}

}  // namespace bafa::sampler
