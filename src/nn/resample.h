// Doubling and halving the sides of an image inside a network. Called by the device thread.
// Source: diffusers models/upsampling.py (Upsample2D), models/downsampling.py (Downsample2D).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "nn/conv2d.h"
#include "weights/weight_map.h"

namespace bafa::nn {

struct ImageSize {
  std::int64_t height = 0;
  std::int64_t width = 0;
};

// Nearest-neighbour enlargement, then `conv` 3x3.
class Upsample2d {
 public:
  Upsample2d(const weights::WeightScope& scope, std::int64_t channels);

  // x [B, C, H, W] -> [B, C, size.height, size.width]; the size of the skip connection to come, or
  // (2H, 2W).
  at::Tensor operator()(const at::Tensor& x, const ImageSize& size) const;

 private:
  Conv2d conv_;
};

// `conv` 3x3 with stride 2. Padding 1 on all sides, or 0: then one row below and one column on the
// right, as the reference does.
class Downsample2d {
 public:
  Downsample2d(const weights::WeightScope& scope, std::int64_t channels, std::int64_t padding);

  // x [B, C, H, W] -> [B, C, ceil(H / 2), ceil(W / 2)] (padding 0: floor)
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  Conv2d conv_;
  std::int64_t padding_;
};

}  // namespace bafa::nn
