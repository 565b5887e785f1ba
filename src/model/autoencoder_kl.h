// The decoder of AutoencoderKL: latents in, picture out. Immutable once built; called by the device
// thread in inference mode. Source: diffusers models/autoencoders/{autoencoder_kl,vae}.py.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/autoencoder_kl_config.h"
#include "model/decode_options.h"
#include "nn/attention.h"
#include "nn/conv2d.h"
#include "nn/linear.h"
#include "nn/norm.h"
#include "nn/resample.h"
#include "nn/resnet_block.h"
#include "weights/weight_map.h"

namespace bafa::model {

// The names of a checkpoint's tensors that decoding does not need, for WeightOptions::ignored.
std::vector<std::string> autoencoder_kl_unused();

// Old checkpoints name the attention's layers query, key, value, proj_attn. For
// WeightOptions::rename.
std::string autoencoder_kl_current_name(const std::string& name);

class AutoencoderKlDecoder {
 public:
  AutoencoderKlDecoder(const AutoencoderKlConfig& config, const weights::WeightScope& scope);

  const AutoencoderKlConfig& config() const { return config_; }

  // latents [B, latent_channels, H, W] as the sampler leaves them, any floating dtype
  // -> [B, 3, H * scale, W * scale] in the run dtype, about -1..1, not clamped
  at::Tensor operator()(const at::Tensor& latents, const DecodeOptions& options = {}) const;

 private:
  struct MidAttention {
    nn::GroupNorm norm;
    nn::SelfAttention attention;
  };
  struct UpBlock {
    std::vector<nn::ResnetBlock> resnets;
    std::optional<nn::Upsample2d> upsampler;
  };

  static std::optional<MidAttention> mid_attention(const AutoencoderKlConfig& config,
                                                   const weights::WeightScope& scope);
  at::Tensor unscale(const at::Tensor& latents) const;
  at::Tensor attend(const at::Tensor& x) const;
  at::Tensor decode(const at::Tensor& latents) const;  // unscaled ones, in the run dtype

  AutoencoderKlConfig config_;
  at::ScalarType dtype_;
  std::optional<nn::Conv2d> post_quant_conv_;
  nn::Conv2d conv_in_;
  nn::ResnetBlock mid_first_;
  std::optional<MidAttention> mid_attention_;
  nn::ResnetBlock mid_second_;
  std::vector<UpBlock> up_blocks_;
  nn::GroupNorm conv_norm_out_;
  nn::Conv2d conv_out_;
};

}  // namespace bafa::model
