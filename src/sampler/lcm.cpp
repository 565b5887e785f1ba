#include "sampler/lcm.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>

#include "sampler/consistency_timesteps.h"
#include "sampler/noise.h"
#include "sampler/noise_levels.h"
#include "sampler/prediction.h"
#include "sampler/step_table.h"

namespace bafa::sampler {
namespace {

constexpr double kDataVariance = 0.25;  // sigma_data^2 of the boundary condition

}  // namespace

Requirements lcm_requirements() { return {{"thresholding", {false}}}; }

LcmConfig parse_lcm_config(ComponentConfig& config) {
  require(config, lcm_requirements());
  LcmConfig parsed;
  parsed.diffusion = parse_diffusion_config(config, parsed.diffusion);
  parsed.distilled_steps = read_distilled_steps(config, parsed.diffusion);
  parsed.timestep_scaling = config.number("timestep_scaling", 10.0);
  parsed.clip_sample = config.boolean("clip_sample", false);
  parsed.clip_range = config.number("clip_sample_range", 1.0);
  finish_diffusion_config(config);
  return parsed;
}

Lcm::Lcm(const LcmConfig& config)
    : config_(config), alphas_(alphas_cumprod(config.diffusion, LastAlpha::as_computed)) {}

Schedule Lcm::schedule(int steps) const {
  const at::Tensor timesteps =
      consistency_timesteps(config_.diffusion, config_.distilled_steps, steps);
  // The last step ends at the clean latents, as if at a timestep without noise.
  const at::Tensor next = at::cat({timesteps.slice(0, 1), at::full({1}, -1, at::kLong)});
  const AlphaStep step =
      alpha_step({.alphas = alphas_, .timesteps = timesteps, .next = next, .ends_clean = true});
  const at::Tensor scaled = timesteps * config_.timestep_scaling;
  const at::Tensor variance = scaled.pow(2) + kDataVariance;
  return {
      .timesteps = to_vector(timesteps),
      .sigmas = {},
      .table = step_table({step.now.sqrt(), (1 - step.now).sqrt(), kDataVariance / variance,
                           scaled / variance.pow(0.5), step.next.sqrt(), (1 - step.next).sqrt()})};
}

StepOutput Lcm::step(const StepInput& input) const {
  const auto [sqrt_alpha, sqrt_beta, skip, out, sqrt_next, sqrt_next_beta] =
      columns_of<6>(input.positions, input.latents);
  at::Tensor clean =
      clean_of(config_.diffusion.prediction, {.latents = input.latents,
                                              .prediction = input.prediction.to(at::kFloat),
                                              .sqrt_alpha = sqrt_alpha,
                                              .sqrt_beta = sqrt_beta});
  if (config_.clip_sample) clean = clean.clamp(-config_.clip_range, config_.clip_range);
  const at::Tensor denoised = out * clean + skip * input.latents;
  const at::Tensor noise = draw_noise(input, LastStep::rests);
  return {.latents = sqrt_next * denoised + sqrt_next_beta * noise, .denoised = denoised};
}

}  // namespace bafa::sampler
