// How much noise each timestep of the training has, and which timesteps N steps visit: tables equal
// to those of the reference's schedulers to the bit. Pure functions on CPU tensors.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "sampler/diffusion_config.h"

namespace bafa::sampler {

// The share of the picture's variance left at each of T timesteps: [T] fp32, falling. With
// zero_terminal_snr the last is 0; solvers that work on sigmas need it above that.
enum class LastAlpha { as_computed, above_zero };
at::Tensor alphas_cumprod(const DiffusionConfig& config, LastAlpha last);

// Noise over picture, sqrt((1 - alpha) / alpha), of each: [T] fp32, rising.
at::Tensor sigmas_of(const at::Tensor& alphas);

// The timesteps that `steps` steps visit, falling: [steps] fp64, not yet rounded with linspace.
// Leaving out the last point means steps + 1 points without the last (trailing has none to leave
// out). For a few step counts (61, 103, 121, ...) rounding makes the reference's trailing spacing
// one longer, by the timestep -1, which no model was trained on; it is not part of ours.
enum class LastPoint { kept, left_out };
at::Tensor spaced_timesteps(const DiffusionConfig& config, int steps, LastPoint last);

// The most steps for which the spaced timesteps all differ and lie within the training's.
int most_spaced_steps(const DiffusionConfig& config);

// The shares at timesteps and at those one step on, [F] fp32 each. A timestep below 0 stands for
// the end: nothing but the picture, or as much as at timestep 0.
struct AlphaStep {
  at::Tensor now;
  at::Tensor next;
};
struct AlphaTimes {
  at::Tensor alphas;     // [T] fp32
  at::Tensor timesteps;  // [F] int64
  at::Tensor next;       // [F] int64
  bool ends_clean = false;
};
AlphaStep alpha_step(const AlphaTimes& times);

// numpy's linspace(first, last, count) and interp(times, range(T), levels), in fp64.
at::Tensor linspace(double first, double last, std::int64_t count);
at::Tensor interpolated(const at::Tensor& levels, const at::Tensor& times);

}  // namespace bafa::sampler
