// What a U-Net's config.json says, checked. Plain values; made while a model is loaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/component_config.h"

namespace bafa::model {

// One resolution level. The up path has the same levels in reverse, with one layer more each.
struct UNetLevel {
  std::int64_t channels = 0;
  std::int64_t layers = 0;  // resnets on the way down
  std::int64_t heads = 0;
  std::int64_t down_transformers = 0;  // transformer blocks after each resnet; 0: no attention
  std::int64_t up_transformers = 0;
};

inline constexpr std::int64_t kSizeIds = 6;

struct UNetConfig {
  std::int64_t in_channels = 4;
  std::int64_t out_channels = 4;
  std::int64_t sample_size = 0;    // latent side the model was trained at; 0: not said
  std::int64_t text_features = 0;  // cross_attention_dim
  std::vector<UNetLevel> levels;   // finest first
  bool has_mid_block = true;
  std::int64_t mid_transformers = 1;
  std::int64_t groups = 32;
  double norm_eps = 1e-5;
  bool linear_projection = false;
  std::int64_t downsample_padding = 1;
  std::int64_t conv_in_kernel = 3;
  std::int64_t conv_out_kernel = 3;
  bool center_input_sample = false;
  std::int64_t time_features = 0;  // width of the time embedding
  bool flip_sin_to_cos = true;
  double freq_shift = 0;
  std::int64_t guidance_features = 0;  // time_cond_proj_dim: guidance is an input; 0: it is not
  // addition_embed_type text_time: a pooled text and the picture's sizes join the time embedding.
  std::int64_t pooled_features = 0;   // 0: they do not
  std::int64_t size_id_features = 0;  // of the sinusoids of each size
};

// Throws Error{unsupported_model} naming the key of a feature that bafa lacks, Error{invalid_model}
// for values that cannot be.
UNetConfig parse_unet_config(ComponentConfig& config);

}  // namespace bafa::model
