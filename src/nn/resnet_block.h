// The residual block of U-Nets and autoencoders: two normalised convolutions beside a shortcut.
// Called by the device thread. Source: diffusers models/resnet.py (ResnetBlock2D).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

#include "nn/conv2d.h"
#include "nn/linear_stack.h"
#include "nn/norm.h"
#include "weights/weight_map.h"

namespace bafa::nn {

struct ResnetBlockOptions {
  std::int64_t in_channels = 0;
  std::int64_t out_channels = 0;
  std::int64_t groups = 32;
  double eps = 1e-5;
  LinearStack* time_projections = nullptr;  // takes `time_emb_proj` of the block; null: has none
};

class ResnetBlock {
 public:
  // Reads norm1, conv1, norm2, conv2, and conv_shortcut (1x1) when the channels change.
  ResnetBlock(const weights::WeightScope& scope, const ResnetBlockOptions& options);

  // x [B, in, H, W] -> [B, out, H, W]. `time` is the output of the joined time projections [B,
  // sum]; undefined for a block without one.
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& time = {}) const;

 private:
  GroupNorm norm1_;
  Conv2d conv1_;
  GroupNorm norm2_;
  Conv2d conv2_;
  std::optional<Conv2d> shortcut_;
  std::optional<OutputRange> time_range_;
};

}  // namespace bafa::nn
