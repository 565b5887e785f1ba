// The tensors of published checkpoints, by name and shape.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "support/header_only.h"

namespace bafa::test {

struct UNetShape {
  std::vector<std::int64_t> channels;
  std::vector<std::size_t> transformers;  // after a resnet of the level; 0: no attention
  std::size_t mid_transformers = 1;
  std::int64_t text = 768;
  bool linear = false;
  std::int64_t addition = 0;  // features of SDXL's second embedding
};

struct ClipShape {
  std::int64_t width = 768;
  std::size_t layers = 12;
  bool projection = false;
};

TensorList unet_tensors(const UNetShape& unet);                  // SD 1.5 686, SDXL 1680
TensorList vae_tensors(std::int64_t latents, bool quant_convs);  // 248 with, 244 without
TensorList clip_tensors(const ClipShape& clip);                  // 196, 517
TensorList qwen3_tensors();                                      // 4B: 398
TensorList z_image_tensors();                                    // 521

}  // namespace bafa::test
