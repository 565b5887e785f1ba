// What multistep solvers remember of each image of a batch. The device thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>

#include "sampler/sampler.h"

namespace bafa::sampler {

// Entry `place` of every image's history as one batch [B, C, h, w]; where there is none, the image
// of `otherwise` [B, C, h, w].
at::Tensor remembered(std::span<const Position> positions, std::size_t place,
                      const at::Tensor& otherwise);

}  // namespace bafa::sampler
