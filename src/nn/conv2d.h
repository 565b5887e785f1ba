// Two-dimensional convolution over channels_last images, with bias and residual taken along in the
// same pass. Owns its weight, packed where the machine gains by it. Called by the device thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "weights/weight_map.h"

namespace bafa::nn {

struct Conv2dOptions {
  std::int64_t kernel = 3;  // both sides
  std::int64_t stride = 1;
  std::int64_t padding = 1;
};

class Conv2d {
 public:
  // Reads `weight` [out, in, kernel, kernel] and `bias` [out].
  Conv2d(const weights::WeightScope& scope, std::int64_t in, std::int64_t out,
         Conv2dOptions options = {});

  // x [B, in, H, W] -> [B, out, H', W'], both channels_last
  at::Tensor operator()(const at::Tensor& x) const;

  // x [B, in, H, W], residual [B, out, H', W'] -> [B, out, H', W']
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& residual) const;

 private:
  at::Tensor weight_;
  at::Tensor bias_;
  Conv2dOptions options_;
  bool packed_;
};

}  // namespace bafa::nn
