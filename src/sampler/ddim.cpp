#include "sampler/ddim.h"

#include <ATen/TensorOperators.h>

#include "base/check.h"
#include "sampler/noise.h"
#include "sampler/noise_levels.h"
#include "sampler/prediction.h"
#include "sampler/step_table.h"

namespace bafa::sampler {

Requirements ddim_requirements() { return {{"thresholding", {false}}}; }

DdimConfig parse_ddim_config(ComponentConfig& config) {
  require(config, ddim_requirements());
  DdimConfig parsed;
  parsed.diffusion = parse_diffusion_config(config, parsed.diffusion);
  parsed.clip_sample = config.boolean("clip_sample", true);
  parsed.clip_range = config.number("clip_sample_range", 1.0);
  parsed.ends_clean = config.boolean("set_alpha_to_one", true);
  finish_diffusion_config(config);
  return parsed;
}

Ddim::Ddim(const DdimConfig& config, double eta)
    : config_(config),
      eta_(eta),
      alphas_(alphas_cumprod(config.diffusion, LastAlpha::as_computed)) {
  CHECK(eta >= 0 && eta <= 1);
}

int Ddim::max_steps() const { return most_spaced_steps(config_.diffusion); }

// A step goes down by a fixed stride, which does not always end at the next timestep of the list.
Schedule Ddim::schedule(int steps) const {
  CHECK(steps >= 1 && steps <= max_steps());
  const at::Tensor timesteps =
      spaced_timesteps(config_.diffusion, steps, LastPoint::kept).round().to(at::kLong);
  const at::Tensor next = timesteps - config_.diffusion.train_steps / steps;
  const AlphaStep step = alpha_step(
      {.alphas = alphas_, .timesteps = timesteps, .next = next, .ends_clean = config_.ends_clean});
  const at::Tensor variance = ((1 - step.next) / (1 - step.now)) * (1 - step.now / step.next);
  const at::Tensor deviation = eta_ * variance.pow(0.5);
  return {.timesteps = to_vector(timesteps),
          .sigmas = {},
          .table = step_table({step.now.pow(0.5), (1 - step.now).pow(0.5), step.next.pow(0.5),
                               (1 - step.next - deviation.pow(2)).pow(0.5), deviation})};
}

StepOutput Ddim::step(const StepInput& input) const {
  const auto [sqrt_alpha, sqrt_beta, sqrt_next, direction, deviation] =
      columns_of<5>(input.positions, input.latents);
  const Mixture mixture{.latents = input.latents,
                        .prediction = input.prediction.to(at::kFloat),
                        .sqrt_alpha = sqrt_alpha,
                        .sqrt_beta = sqrt_beta};
  at::Tensor clean = clean_of(config_.diffusion.prediction, mixture);
  if (config_.clip_sample) clean = clean.clamp(-config_.clip_range, config_.clip_range);
  const at::Tensor noise = noise_of(config_.diffusion.prediction, mixture);
  at::Tensor latents = sqrt_next * clean + direction * noise;
  if (eta_ > 0) latents = latents + deviation * draw_noise(input, LastStep::draws);
  return {.latents = latents, .denoised = clean};
}

}  // namespace bafa::sampler
