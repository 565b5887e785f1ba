// Group and layer normalisation. Statistics and scaling are in fp32 whatever the dtype. Called by
// the device thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "nn/activation.h"
#include "weights/weight_map.h"

namespace bafa::nn {

// Over the pixels and the channels of one group, image by image.
class GroupNorm {
 public:
  struct Options {
    std::int64_t groups = 32;
    double eps = 1e-5;
    Activation activation = Activation::none;  // none or silu
  };

  // Reads `weight` and `bias`, both [channels]; channels must be divisible by the groups.
  GroupNorm(const weights::WeightScope& scope, std::int64_t channels, const Options& options);

  // x [B, C, H, W] -> the same shape, channels_last
  at::Tensor operator()(const at::Tensor& x) const;

  // Normalises x + shift, where shift [B, C] is one value for each channel of an image.
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& shift) const;

 private:
  weights::Weight weight_;  // [C]
  weights::Weight bias_;    // [C]
  Options options_;
};

// Over the last dimension.
class LayerNorm {
 public:
  // Reads `weight` and `bias`, both [features].
  LayerNorm(const weights::WeightScope& scope, std::int64_t features, double eps = 1e-5);

  // x [..., features] -> the same shape
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  weights::Weight weight_;  // [features]
  weights::Weight bias_;    // [features]
  std::int64_t features_;
  double eps_;
};

// x / sqrt(mean of x^2 over the last dimension + eps) * factor (+ residual), rounded once.
// x [B, ..., C]; factor [B, C] or [1, C] fp32; residual like x or undefined -> the shape of x
struct RmsNormInput {
  at::Tensor x;
  at::Tensor factor;
  at::Tensor residual{};
  double eps = 1e-6;
};
at::Tensor rms_norm(const RmsNormInput& input);

// The same by a weight of its own. Zhang and Sennrich, Root Mean Square Layer Normalization (2019).
class RmsNorm {
 public:
  // Reads `weight` [features].
  RmsNorm(const weights::WeightScope& scope, std::int64_t features, double eps);

  // x [B, ..., features] -> the same shape
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  weights::Weight factor_;  // [features] fp32
  double eps_;
};

}  // namespace bafa::nn
