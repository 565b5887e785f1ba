// The three kinds of blocks that a U-Net is made of. Owned by UNet; called by the device thread.
// Source: diffusers models/unets/unet_2d_blocks.py ({CrossAttn,}{Down,Up}Block2D,
// UNetMidBlock2DCrossAttn).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "model/unet_config.h"
#include "nn/linear_stack.h"
#include "nn/resample.h"
#include "nn/resnet_block.h"
#include "nn/transformer_2d.h"
#include "weights/weight_map.h"

namespace bafa::model {

// What all blocks of one forward share. Keys and values are taken in the order of the blocks.
struct BlockContext {
  at::Tensor time;                          // joined time projections [B, sum]
  std::span<const at::Tensor> keys_values;  // those not taken yet

  std::span<const at::Tensor> take(std::size_t count);
};

// What all blocks are built from.
struct BlockBuilder {
  const UNetConfig& config;
  nn::LinearStack& time_projections;

  nn::ResnetBlock resnet(const weights::WeightScope& scope, std::int64_t in, std::int64_t out);
  nn::Transformer2d transformer(const weights::WeightScope& scope, const UNetLevel& level,
                                std::int64_t layers) const;
};

// Resnets, each followed by a transformer where the level attends, then a downsampler.
class DownBlock {
 public:
  DownBlock(const weights::WeightScope& scope, BlockBuilder& builder, std::size_t level);

  void append_keys_values(const at::Tensor& text, std::vector<at::Tensor>& out) const;

  // x [B, C, H, W]; appends every intermediate image to `skips`.
  at::Tensor operator()(at::Tensor x, BlockContext& context, std::vector<at::Tensor>& skips) const;

 private:
  std::vector<nn::ResnetBlock> resnets_;
  std::vector<nn::Transformer2d> attentions_;  // none, or one for each resnet
  std::optional<nn::Downsample2d> downsampler_;
};

// Resnet, transformer, resnet at the coarsest level.
class MidBlock {
 public:
  MidBlock(const weights::WeightScope& scope, BlockBuilder& builder);

  void append_keys_values(const at::Tensor& text, std::vector<at::Tensor>& out) const;

  at::Tensor operator()(const at::Tensor& x, BlockContext& context) const;

 private:
  nn::ResnetBlock first_;
  nn::Transformer2d attention_;
  nn::ResnetBlock second_;
};

// Resnets over the image and a skip connection side by side, each followed by a transformer where
// the level attends, then an upsampler.
class UpBlock {
 public:
  // `level` counts as in UNetConfig: finest first.
  UpBlock(const weights::WeightScope& scope, BlockBuilder& builder, std::size_t level);

  void append_keys_values(const at::Tensor& text, std::vector<at::Tensor>& out) const;

  // x [B, C, H, W]; takes its skip connections from the end of `skips`.
  at::Tensor operator()(at::Tensor x, BlockContext& context, std::vector<at::Tensor>& skips) const;

 private:
  std::vector<nn::ResnetBlock> resnets_;
  std::vector<nn::Transformer2d> attentions_;
  std::optional<nn::Upsample2d> upsampler_;
};

}  // namespace bafa::model
