#include "sampler/pndm.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "sampler/history.h"
#include "sampler/noise_levels.h"
#include "sampler/prediction.h"
#include "sampler/step_table.h"

namespace bafa::sampler {
namespace {

constexpr std::size_t kRemembered = 3;  // predictions before the newest

// How the newest prediction and those before it are mixed: their weights, then a factor, then a
// divisor, since the reference divides by 2 and 12 but multiplies by 1/24.
constexpr std::size_t kMixing = 6;
constexpr std::array<std::array<double, kMixing>, 5> kMixings{{
    {1, 0, 0, 0, 1, 1},
    {1, 1, 0, 0, 1, 2},
    {3, -1, 0, 0, 1, 2},
    {23, -16, 5, 0, 1, 12},
    {55, -59, 37, -9, 1.0 / 24, 1},
}};

// The columns of kMixings for each of `forwards` forwards.
std::vector<at::Tensor> mixing_columns(std::int64_t forwards) {
  std::vector<at::Tensor> columns;
  for (std::size_t column = 0; column < kMixing; ++column) {
    std::vector<double> values;
    for (std::size_t i = 0; i < static_cast<std::size_t>(forwards); ++i)
      values.push_back(kMixings[std::min(i, kMixings.size() - 1)][column]);
    columns.push_back(at::tensor(values, at::TensorOptions(at::kFloat)));
  }
  return columns;
}

// The first step is repeated from where it began, once its end is known; so the first latents are
// kept behind the first prediction for one step. From then on the newest predictions, newest first.
void remember(Position& position, const at::Tensor& prediction, const at::Tensor& latents) {
  std::vector<at::Tensor>& history = position.history;
  if (position.index == 0) {
    history = {prediction, latents};
  } else if (position.index == 1) {
    history.resize(1);
  } else {
    history.insert(history.begin(), prediction);
    if (history.size() > kRemembered) history.resize(kRemembered);
  }
}

}  // namespace

Requirements pndm_requirements() {
  return {{"skip_prk_steps", {true}, /*named=*/true},
          {"prediction_type", {"epsilon", "v_prediction"}}};
}

PndmConfig parse_pndm_config(ComponentConfig& config) {
  require(config, pndm_requirements());
  PndmConfig parsed;
  parsed.diffusion = parse_diffusion_config(config, parsed.diffusion);
  parsed.diffusion.zero_terminal_snr = false;  // not a key of the reference's class
  parsed.ends_clean = config.boolean("set_alpha_to_one", false);
  finish_diffusion_config(config);
  return parsed;
}

Pndm::Pndm(const PndmConfig& config)
    : config_(config), alphas_(alphas_cumprod(config.diffusion, LastAlpha::as_computed)) {}

int Pndm::max_steps() const { return most_spaced_steps(config_.diffusion); }

Schedule Pndm::schedule(int steps) const {
  CHECK(steps >= 1 && steps <= max_steps());
  const at::Tensor spaced =
      spaced_timesteps(config_.diffusion, steps, LastPoint::kept).round().to(at::kLong);
  const at::Tensor timesteps =
      steps == 1 ? spaced
                 : at::cat({spaced.slice(0, 0, 1), spaced.slice(0, 1, 2), spaced.slice(0, 1)});
  const std::int64_t stride = config_.diffusion.train_steps / steps;
  at::Tensor from = timesteps.clone();
  at::Tensor to = timesteps - stride;
  if (steps > 1) {
    from[1] += stride;
    to[1] += stride;
  }
  const auto [now, next] = alpha_step(
      {.alphas = alphas_, .timesteps = from, .next = to, .ends_clean = config_.ends_clean});
  std::vector<at::Tensor> columns{now.pow(0.5), (1 - now).pow(0.5), (next / now).pow(0.5),
                                  next - now,
                                  now * (1 - next).pow(0.5) + (now * (1 - now) * next).pow(0.5)};
  const std::vector<at::Tensor> mixing = mixing_columns(timesteps.size(0));
  columns.insert(columns.end(), mixing.begin(), mixing.end());
  return {.timesteps = to_vector(timesteps), .sigmas = {}, .table = step_table(columns)};
}

StepOutput Pndm::step(const StepInput& input) const {
  const auto [sqrt_alpha, sqrt_beta, kept, change, divisor, newest, second, third, fourth, factor,
              quotient] = columns_of<5 + kMixing>(input.positions, input.latents);
  const at::Tensor prediction = input.prediction.to(at::kFloat);
  const auto before = [&](std::size_t place) {
    return remembered(input.positions, place, prediction);
  };
  const at::Tensor mixed =
      (newest * prediction + second * before(0) + third * before(1) + fourth * before(2)) * factor /
      quotient;

  std::vector<at::Tensor> starts = input.latents.split(1);
  for (std::size_t image = 0; image < starts.size(); ++image)
    if (input.positions[image].index == 1) starts[image] = input.positions[image].history[1];
  const Mixture mixture{.latents = at::cat(starts),
                        .prediction = mixed,
                        .sqrt_alpha = sqrt_alpha,
                        .sqrt_beta = sqrt_beta};
  const Prediction type = config_.diffusion.prediction;
  const at::Tensor noise = noise_of(type, mixture);
  const std::vector<at::Tensor> predictions = prediction.split(1);
  const std::vector<at::Tensor> latents = input.latents.split(1);
  for (std::size_t image = 0; image < latents.size(); ++image)
    remember(input.positions[image], predictions[image], latents[image]);
  return {.latents = kept * mixture.latents - change * noise / divisor,
          .denoised = clean_of(type, mixture)};
}

}  // namespace bafa::sampler
