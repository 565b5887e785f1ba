// The decoder of AutoencoderTiny (TAESD and its kin): latents in, picture out, at a fraction of
// AutoencoderKL's work. Immutable once built; called by the device thread in inference mode.
// Source: diffusers models/autoencoders/{autoencoder_tiny,vae}.py (DecoderTiny).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/component_config.h"
#include "model/decode_options.h"
#include "nn/conv2d.h"
#include "weights/weight_map.h"

namespace bafa::model {

struct AutoencoderTinyConfig {
  std::int64_t latent_channels = 4;
  std::int64_t out_channels = 3;
  std::int64_t channels = 64;        // of every level
  std::vector<std::int64_t> blocks;  // of each level, coarsest first
  double scaling_factor = 1;         // latents are divided by it
  double shift_factor = 0;           // then this is added

  // Pixels along one side of a latent.
  std::int64_t scale() const { return std::int64_t{1} << (blocks.size() - 1); }
};

// Throws Error{unsupported_model} naming the key of a feature that bafa lacks, Error{invalid_model}
// for values that cannot be.
AutoencoderTinyConfig parse_autoencoder_tiny_config(ComponentConfig& config);

// The names of a checkpoint's tensors that decoding does not need, for WeightOptions::ignored.
std::vector<std::string> autoencoder_tiny_unused();

class AutoencoderTinyDecoder {
 public:
  AutoencoderTinyDecoder(const AutoencoderTinyConfig& config, const weights::WeightScope& scope);

  const AutoencoderTinyConfig& config() const { return config_; }

  // latents [B, latent_channels, H, W] as the sampler leaves them, any floating dtype
  // -> [B, 3, H * scale, W * scale] in the run dtype, about -1..1, not clamped
  at::Tensor operator()(const at::Tensor& latents, const DecodeOptions& options = {}) const;

 private:
  // Three convolutions beside a shortcut, each with ReLU.
  struct Block {
    Block(const weights::WeightScope& scope, std::int64_t channels);
    at::Tensor operator()(const at::Tensor& x) const;

    nn::Conv2d first;
    nn::Conv2d second;
    nn::Conv2d third;
  };
  struct Level {
    std::vector<Block> blocks;
    std::optional<nn::Conv2d> after_upsampling;  // not of the finest
  };

  at::Tensor decode(const at::Tensor& latents) const;  // unscaled ones, in the run dtype

  AutoencoderTinyConfig config_;
  at::ScalarType dtype_;
  nn::Conv2d conv_in_;
  std::vector<Level> levels_;
  std::optional<nn::Conv2d> conv_out_;
};

}  // namespace bafa::model
