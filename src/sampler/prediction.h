// What a prediction says of the clean latents and of the noise in x = sqrt(alpha) * clean +
// sqrt(beta) * noise, in the order of operations of the reference. Pure functions.
#pragma once

#include <ATen/core/Tensor.h>

#include "sampler/diffusion_config.h"

namespace bafa::sampler {

struct Mixture {
  at::Tensor latents;     // x, [B, C, h, w] fp32
  at::Tensor prediction;  // [B, C, h, w] fp32
  at::Tensor sqrt_alpha;  // [B, 1, 1, 1]
  at::Tensor sqrt_beta;   // [B, 1, 1, 1]
};

at::Tensor clean_of(Prediction type, const Mixture& mixture);
at::Tensor noise_of(Prediction type, const Mixture& mixture);

}  // namespace bafa::sampler
