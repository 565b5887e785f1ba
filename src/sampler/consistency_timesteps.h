// The timesteps of consistency models (LCM, TCD), which are part of those they were distilled at.
// Pure; the device thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "base/component_config.h"
#include "sampler/diffusion_config.h"

namespace bafa::sampler {

// original_inference_steps: at most so many steps can be taken.
std::int64_t read_distilled_steps(ComponentConfig& config, const DiffusionConfig& diffusion);

// [steps] int64, falling
at::Tensor consistency_timesteps(const DiffusionConfig& diffusion, std::int64_t distilled_steps,
                                 int steps);

}  // namespace bafa::sampler
