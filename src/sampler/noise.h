// Noise that a solver adds at a step. The device thread.
#pragma once

#include <ATen/core/Tensor.h>

#include "sampler/sampler.h"

namespace bafa::sampler {

// Whether the reference's solver draws at the last step too, where it may not use what it drew.
enum class LastStep { draws, rests };

// One draw an image from its own generator, as the reference draws: on the CPU, in
// input.noise_dtype. [B, C, h, w] fp32 beside the latents; zeros for an image that rests.
at::Tensor draw_noise(const StepInput& input, LastStep last);

}  // namespace bafa::sampler
