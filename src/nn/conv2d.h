// Two-dimensional convolution over channels_last images, with bias, residual and activation taken
// along in the same pass. Owns its weight, packed where the machine gains by it. Called by the
// device thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <vector>

#include "nn/activation.h"
#include "weights/weight_map.h"

namespace bafa::nn {

struct Conv2dOptions {
  std::int64_t kernel = 3;  // both sides
  std::int64_t stride = 1;
  std::int64_t padding = 1;
  bool bias = true;
  Activation activation = Activation::none;  // none or relu
};

class Conv2d {
 public:
  // Reads `weight` [out, in, kernel, kernel] and, if there is one, `bias` [out].
  Conv2d(const weights::WeightScope& scope, std::int64_t in, std::int64_t out,
         Conv2dOptions options = {});

  // x [B, in, H, W] -> [B, out, H', W'], both channels_last
  at::Tensor operator()(const at::Tensor& x) const;

  // x [B, in, H, W], residual [B, out, H', W'] -> activation(conv(x) + residual) [B, out, H', W'].
  // May work in place: `residual` is given up.
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& residual) const;

 private:
  at::Tensor without_activation(const at::Tensor& x) const;
  at::Tensor packed_for(const at::Tensor& x) const;
  at::Tensor over_tokens(const at::Tensor& x) const;

  weights::Weight weight_;
  weights::Weight bias_;  // undefined without one
  Conv2dOptions options_;
  bool packed_;
  bool pointwise_;  // packed, and a linear layer over the pixels
  mutable std::map<std::vector<std::int64_t>, bool> fits_;  // by the input's sizes
};

}  // namespace bafa::nn
