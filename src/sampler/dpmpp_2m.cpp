#include "sampler/dpmpp_2m.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "base/check.h"
#include "sampler/history.h"
#include "sampler/karras.h"
#include "sampler/noise_levels.h"
#include "sampler/prediction.h"
#include "sampler/step_table.h"

namespace bafa::sampler {
namespace {

constexpr int kFewSteps = 15;

struct Times {
  at::Tensor timesteps;  // [N]
  at::Tensor sigmas;     // [N] fp64
};

Times times_of(const DpmPp2mConfig& config, const at::Tensor& levels, int steps) {
  if (!config.karras_sigmas) {
    at::Tensor timesteps = spaced_timesteps(config.diffusion, steps, LastPoint::left_out).round();
    at::Tensor sigmas = interpolated(levels, timesteps);
    return {.timesteps = std::move(timesteps), .sigmas = std::move(sigmas)};
  }
  at::Tensor sigmas = karras_sigmas(levels[-1].item<double>(), levels[0].item<double>(), steps);
  const at::Tensor exact = timesteps_at(sigmas, levels);
  // The reference leaves these to the cast, which cuts.
  const bool cut = config.diffusion.beta_curve == BetaCurve::squared_cosine;
  return {.timesteps = cut ? exact.floor() : exact.round(), .sigmas = std::move(sigmas)};
}

}  // namespace

Requirements dpmpp_2m_requirements() {
  return {
      {"solver_order", {2}},
      {"algorithm_type", {"dpmsolver++", "deis"}},
      {"solver_type", {"midpoint", "logrho", "bh1", "bh2"}},  // the reference takes them for one
      {"final_sigmas_type", {"zero", "sigma_min"}},
      {"lambda_min_clipped", {"-Infinity"}},
      {"variance_type", {"fixed_small", "fixed_small_log", "fixed_large", "fixed_large_log"}},
      {"thresholding", {false}},
      {"use_exponential_sigmas", {false}},
      {"use_beta_sigmas", {false}},
      {"use_lu_lambdas", {false}},
      {"use_flow_sigmas", {false}},
      {"use_dynamic_shifting", {false}}};
}

DpmPp2mConfig parse_dpmpp_2m_config(ComponentConfig& config) {
  require(config, dpmpp_2m_requirements());
  DpmPp2mConfig parsed;
  parsed.diffusion = parse_diffusion_config(config, parsed.diffusion);
  parsed.karras_sigmas = config.boolean("use_karras_sigmas", false);
  parsed.ends_at_sigma_min = config.string("final_sigmas_type", "zero") == "sigma_min";
  parsed.lower_order_final = config.boolean("lower_order_final", true);
  parsed.euler_at_final = config.boolean("euler_at_final", false);
  finish_diffusion_config(config);
  return parsed;
}

DpmPp2m::DpmPp2m(const DpmPp2mConfig& config)
    : config_(config),
      levels_(sigmas_of(alphas_cumprod(config.diffusion, LastAlpha::above_zero))) {}

int DpmPp2m::max_steps() const { return most_spaced_steps(config_.diffusion) - 1; }

Schedule DpmPp2m::schedule(int steps) const {
  CHECK(steps >= 1 && steps <= max_steps());
  const Times times = times_of(config_, levels_, steps);
  const at::Tensor end = config_.ends_at_sigma_min ? levels_.slice(0, 0, 1) : at::zeros({1});
  const at::Tensor sigmas = at::cat({times.sigmas.to(at::kFloat), end});

  const at::Tensor alpha = 1 / (sigmas.pow(2) + 1).pow(0.5);
  const at::Tensor noise = sigmas * alpha;
  const at::Tensor lambda = alpha.log() - noise.log();
  const at::Tensor h = lambda.slice(0, 1) - lambda.slice(0, 0, -1);
  // 1 / r0 of each step: how far this one goes over how far the one before went.
  at::Tensor second_order = at::zeros_like(h);
  second_order.slice(0, 1) = 1.0 / (h.slice(0, 0, -1) / h.slice(0, 1));
  const bool first_order_end = !config_.ends_at_sigma_min || config_.euler_at_final ||
                               (config_.lower_order_final && steps < kFewSteps);
  if (first_order_end) second_order[-1] = 0.0;
  return {.timesteps = to_vector(times.timesteps),
          .sigmas = to_vector(sigmas),
          .table = step_table({alpha.slice(0, 0, -1), noise.slice(0, 0, -1),
                               noise.slice(0, 1) / noise.slice(0, 0, -1),
                               alpha.slice(0, 1) * ((-h).exp() - 1.0), second_order})};
}

// With a weight of 0 for the difference to the step before, this is the first order.
StepOutput DpmPp2m::step(const StepInput& input) const {
  const auto [alpha, sigma, kept, drawn, second_order] =
      columns_of<5>(input.positions, input.latents);
  const at::Tensor clean =
      clean_of(config_.diffusion.prediction, {.latents = input.latents,
                                              .prediction = input.prediction.to(at::kFloat),
                                              .sqrt_alpha = alpha,
                                              .sqrt_beta = sigma});
  const at::Tensor change = second_order * (clean - remembered(input.positions, 0, clean));
  const std::vector<at::Tensor> images = clean.split(1);
  for (std::size_t image = 0; image < images.size(); ++image)
    input.positions[image].history = {images[image]};
  return {.latents = kept * input.latents - drawn * clean - 0.5 * drawn * change,
          .denoised = clean};
}

}  // namespace bafa::sampler
