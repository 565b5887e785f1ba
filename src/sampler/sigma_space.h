// What solvers share whose latents are clean + sigma * noise: their schedule, the scaling of the
// denoiser's input, and the way from a prediction to a slope. Pure functions; the device thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <vector>

#include "sampler/diffusion_config.h"
#include "sampler/sampler.h"

namespace bafa::sampler {

// Its table begins with the columns that the functions below use; `own` are the solver's, [F] each.
// `timesteps` [F], `sigmas` [F + 1] fp32.
struct SigmaTimes {
  at::Tensor timesteps;
  at::Tensor sigmas;
};
inline constexpr std::size_t kSigmaColumns = 4;
Schedule sigma_schedule(const DiffusionConfig& config, const SigmaTimes& times,
                        const std::vector<at::Tensor>& own);

// The latents over sqrt(sigma^2 + 1).
at::Tensor over_spread(const at::Tensor& latents, std::span<const Position> positions);

struct SigmaSlope {
  at::Tensor clean;  // [B, C, h, w] fp32
  at::Tensor slope;  // d latents / d sigma, [B, C, h, w] fp32
};
SigmaSlope sigma_slope(Prediction type, const StepInput& input);

}  // namespace bafa::sampler
