// What the config.json of a ZImageTransformer2DModel says, checked. Plain values; made while a
// model is loaded.
#pragma once

#include <array>
#include <cstdint>

#include "base/component_config.h"

namespace bafa::model {

inline constexpr std::int64_t kZImagePatch = 2;           // latents along a side of a token
inline constexpr std::int64_t kZImageTokenMultiple = 32;  // captions and images are padded to it
inline constexpr std::int64_t kZImageAxes = 3;            // of positions: sequence, row, column

struct ZImageConfig {
  std::int64_t latent_channels = 16;
  std::int64_t features = 3840;
  std::int64_t layers = 30;
  std::int64_t refiner_layers = 2;  // of the image's and of the caption's each
  std::int64_t heads = 30;
  std::int64_t text_features = 2560;
  double norm_eps = 1e-5;
  double rope_theta = 256;
  double time_scale = 1000;
  std::array<std::int64_t, kZImageAxes> axis_features{32, 48, 48};  // of a head; their sum is it
  std::array<std::int64_t, kZImageAxes> axis_positions{1024, 512, 512};

  std::int64_t head_dim() const { return features / heads; }
  std::int64_t time_features() const { return features < 256 ? features : 256; }
  std::int64_t feed_forward_features() const;
};

// Throws Error{unsupported_model} naming the key of a feature that bafa lacks, Error{invalid_model}
// for values that cannot be.
ZImageConfig parse_z_image_config(ComponentConfig& config);

// The next multiple of kZImageTokenMultiple.
std::int64_t z_image_padded(std::int64_t tokens);

}  // namespace bafa::model
