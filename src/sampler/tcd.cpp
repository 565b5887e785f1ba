#include "sampler/tcd.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>

#include "base/check.h"
#include "sampler/consistency_timesteps.h"
#include "sampler/noise.h"
#include "sampler/noise_levels.h"
#include "sampler/prediction.h"
#include "sampler/step_table.h"

namespace bafa::sampler {

TcdConfig parse_tcd_config(ComponentConfig& config) {
  TcdConfig parsed;
  parsed.diffusion = parse_diffusion_config(config, parsed.diffusion);
  parsed.distilled_steps = read_distilled_steps(config, parsed.diffusion);
  finish_diffusion_config(config);
  return parsed;
}

Tcd::Tcd(const TcdConfig& config, double eta)
    : config_(config),
      eta_(eta),
      alphas_(alphas_cumprod(config.diffusion, LastAlpha::as_computed)) {
  CHECK(eta >= 0 && eta <= 1);
}

Schedule Tcd::schedule(int steps) const {
  const at::Tensor timesteps =
      consistency_timesteps(config_.diffusion, config_.distilled_steps, steps);
  const at::Tensor next = at::cat({timesteps.slice(0, 1), at::zeros({1}, at::kLong)});
  const at::Tensor below = (next * (1 - eta_)).floor().to(at::kLong);
  const at::Tensor alpha = alphas_.index_select(0, timesteps);
  const at::Tensor alpha_below = alphas_.index_select(0, below);
  at::Tensor kept = alphas_.index_select(0, next) / alpha_below;
  kept[-1] = 1.0;  // the last step adds no noise
  return {.timesteps = to_vector(timesteps),
          .sigmas = {},
          .table = step_table({alpha.sqrt(), (1 - alpha).sqrt(), alpha_below.sqrt(),
                               (1 - alpha_below).sqrt(), kept.sqrt(), (1 - kept).sqrt()})};
}

StepOutput Tcd::step(const StepInput& input) const {
  const auto [sqrt_alpha, sqrt_beta, sqrt_below, sqrt_below_beta, carried, fresh] =
      columns_of<6>(input.positions, input.latents);
  const Mixture mixture{.latents = input.latents,
                        .prediction = input.prediction.to(at::kFloat),
                        .sqrt_alpha = sqrt_alpha,
                        .sqrt_beta = sqrt_beta};
  const at::Tensor clean = clean_of(config_.diffusion.prediction, mixture);
  const at::Tensor noise = noise_of(config_.diffusion.prediction, mixture);
  at::Tensor latents = sqrt_below * clean + sqrt_below_beta * noise;
  if (eta_ > 0) latents = carried * latents + fresh * draw_noise(input, LastStep::rests);
  return {.latents = latents, .denoised = clean};
}

}  // namespace bafa::sampler
