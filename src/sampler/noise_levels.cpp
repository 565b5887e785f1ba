#include "sampler/noise_levels.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cumprod.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/where.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/check.h"

namespace bafa::sampler {
namespace {

constexpr double kMaxBeta = 0.999;
constexpr float kSmallestAlpha = 0x1p-24f;  // the smallest number above 0 in fp16

at::TensorOptions doubles() { return at::TensorOptions(at::kDouble); }

// The cosine curve of Nichol and Dhariwal, Improved Denoising Diffusion (2021).
at::Tensor squared_cosine_betas(std::int64_t count) {
  const auto alpha_bar = [count](std::int64_t i) {
    const double t = static_cast<double>(i) / static_cast<double>(count);
    return std::pow(std::cos((t + 0.008) / 1.008 * std::numbers::pi / 2), 2.0);
  };
  at::Tensor betas = at::empty({count}, doubles());
  double* out = betas.mutable_data_ptr<double>();
  for (std::int64_t i = 0; i < count; ++i)
    out[i] = std::min(1 - alpha_bar(i + 1) / alpha_bar(i), kMaxBeta);
  return betas.to(at::kFloat);
}

at::Tensor betas_of(const DiffusionConfig& config) {
  const std::int64_t count = config.train_steps;
  switch (config.beta_curve) {
    case BetaCurve::linear: return at::linspace(config.beta_start, config.beta_end, count);
    case BetaCurve::scaled_linear:
      return at::linspace(std::sqrt(config.beta_start), std::sqrt(config.beta_end), count).pow(2);
    case BetaCurve::squared_cosine: return squared_cosine_betas(count);
  }
  CHECK(false);
}

// Shifted and stretched so that nothing is left of the picture at the last timestep.
// Lin et al., Common Diffusion Noise Schedules and Sample Steps are Flawed (2023), algorithm 1.
at::Tensor with_zero_terminal_snr(const at::Tensor& betas) {
  at::Tensor roots = at::cumprod(1.0 - betas, 0).sqrt();
  const at::Tensor first = roots[0].clone();
  const at::Tensor last = roots[-1].clone();
  roots = (roots - last) * (first / (first - last));
  const at::Tensor bars = roots.pow(2);
  const at::Tensor alphas = bars.slice(0, 1) / bars.slice(0, 0, -1);
  return 1 - at::cat({bars.slice(0, 0, 1), alphas});
}

}  // namespace

at::Tensor alphas_cumprod(const DiffusionConfig& config, LastAlpha last) {
  at::Tensor betas = betas_of(config);
  if (config.zero_terminal_snr) betas = with_zero_terminal_snr(betas);
  at::Tensor alphas = at::cumprod(1.0 - betas, 0);
  if (config.zero_terminal_snr && last == LastAlpha::above_zero) alphas[-1] = kSmallestAlpha;
  return alphas;
}

at::Tensor sigmas_of(const at::Tensor& alphas) { return ((1 - alphas) / alphas).pow(0.5); }

at::Tensor spaced_timesteps(const DiffusionConfig& config, int steps, LastPoint last) {
  const auto count = static_cast<double>(config.train_steps);
  if (config.spacing == Spacing::trailing) {
    // numpy's arange(count, 0, -count / steps): its stride is the difference of the first two.
    const double stride = (count + -(count / steps)) - count;
    return (at::arange(steps, doubles()) * stride + count).round() - 1;
  }
  const int points = last == LastPoint::kept ? steps : steps + 1;
  if (config.spacing == Spacing::linspace)
    return linspace(0, count - 1, points).flip(0).slice(0, 0, steps);
  const std::int64_t stride = config.train_steps / points;
  return (at::arange(points, doubles()) * stride).flip(0).slice(0, 0, steps) + config.steps_offset;
}

int most_spaced_steps(const DiffusionConfig& config) {
  if (config.spacing != Spacing::leading) return static_cast<int>(config.train_steps);
  return static_cast<int>(config.train_steps / (config.steps_offset + 1));
}

AlphaStep alpha_step(const AlphaTimes& times) {
  const at::Tensor at_next = times.alphas.index_select(0, times.next.clamp_min(0));
  const at::Tensor end = times.ends_clean ? at::ones({}, times.alphas.options()) : times.alphas[0];
  return {.now = times.alphas.index_select(0, times.timesteps),
          .next = at::where(times.next < 0, end, at_next)};
}

at::Tensor linspace(double first, double last, std::int64_t count) {
  at::Tensor points = at::arange(count, doubles());
  if (count == 1) return points + first;
  points = points * ((last - first) / static_cast<double>(count - 1)) + first;
  points[-1] = last;
  return points;
}

at::Tensor interpolated(const at::Tensor& levels, const at::Tensor& times) {
  const at::Tensor known = levels.to(at::kDouble);
  const at::Tensor inside = times.to(at::kDouble).clamp(0, static_cast<double>(known.size(0) - 1));
  const at::Tensor below = inside.floor().clamp_max(static_cast<double>(known.size(0) - 2));
  const at::Tensor index = below.to(at::kLong);
  const at::Tensor from = known.index_select(0, index);
  const at::Tensor slope = known.index_select(0, index + 1) - from;
  return slope * (inside - below) + from;
}

}  // namespace bafa::sampler
