// UNet2DConditionModel: noisy latents, a time and a text in, a prediction out. Immutable once
// built; called by the device thread in inference mode. Source: diffusers
// models/unets/unet_2d_condition.py.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "model/unet_blocks.h"
#include "model/unet_config.h"
#include "nn/conv2d.h"
#include "nn/linear.h"
#include "nn/norm.h"
#include "nn/timestep_embedding.h"
#include "weights/weight_map.h"

namespace bafa::model {

// A text as the network takes it in. It does not depend on the step: made once for a prompt.
struct UNetText {
  std::vector<at::Tensor> keys_values;  // for each transformer block [B, S, 2 * C]
  at::Tensor pooled;                    // [B, pooled_features]; undefined without
};

// The texts of several images, which must have the same length, as one batch.
UNetText join(std::span<const UNetText* const> texts);

class UNet {
 public:
  UNet(const UNetConfig& config, const weights::WeightScope& scope);

  const UNetConfig& config() const { return config_; }

  // text [B, S, text_features]; every position is attended, padding included. pooled [B,
  // pooled_features] where the config has them.
  UNetText prepare(const at::Tensor& text, const at::Tensor& pooled = {}) const;

  struct Input {
    at::Tensor latents;              // [B, in_channels, H, W], any floating dtype; any H and W
    at::Tensor timesteps;            // [B] fp32, may be fractional and differ between images
    const UNetText* text = nullptr;  // of B images
    // [B, 6] fp32, where the config has pooled_features: height and width of the original, top and
    // left of the crop, height and width of the target, in pixels.
    at::Tensor size_ids{};
    at::Tensor guidance_scales{};  // [B] fp64, where the config has guidance_features
  };

  // -> [B, out_channels, H, W] in the run dtype
  at::Tensor operator()(const Input& input) const;

 private:
  UNet(const UNetConfig& config, const weights::WeightScope& scope,
       nn::LinearStack&& time_projections);

  at::Tensor embed_time(const Input& input) const;

  UNetConfig config_;
  at::ScalarType dtype_;
  nn::Conv2d conv_in_;
  nn::TimestepEmbedding time_embedding_;
  std::optional<nn::TimestepEmbedding> add_embedding_;
  std::vector<DownBlock> down_blocks_;
  std::optional<MidBlock> mid_block_;
  std::vector<UpBlock> up_blocks_;
  std::optional<nn::Linear> time_projections_;  // of all resnets, from silu(time embedding)
  nn::GroupNorm conv_norm_out_;
  nn::Conv2d conv_out_;
};

}  // namespace bafa::model
