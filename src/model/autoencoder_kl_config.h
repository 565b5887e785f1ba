// What the config.json of an AutoencoderKL says, checked; only what its decoder needs. Plain
// values; made while a model is loaded.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/component_config.h"

namespace bafa::model {

struct AutoencoderKlConfig {
  std::int64_t latent_channels = 4;
  std::int64_t out_channels = 3;
  std::vector<std::int64_t> channels;  // of each level, finest first
  std::int64_t layers_per_block = 1;   // of the encoder; the decoder has one resnet more a level
  std::int64_t groups = 32;
  bool post_quant_conv = true;
  bool mid_attention = true;
  double scaling_factor = 0.18215;   // latents are divided by it
  double shift_factor = 0;           // then this is added
  std::vector<double> latents_mean;  // of each latent channel; empty: not normalised
  std::vector<double> latents_std;
  bool force_upcast = true;  // the decoder overflows fp16

  // Pixels along one side of a latent.
  std::int64_t scale() const { return std::int64_t{1} << (channels.size() - 1); }
};

// Throws Error{unsupported_model} naming the key of a feature that bafa lacks, Error{invalid_model}
// for values that cannot be.
AutoencoderKlConfig parse_autoencoder_kl_config(ComponentConfig& config);

}  // namespace bafa::model
