#include "model/z_image_config.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

namespace bafa::model {
namespace {

constexpr IntegerLimits kFeatures{.min = 1, .max = 1 << 16};
constexpr IntegerLimits kPositions{.min = 1, .max = 1 << 16};

std::array<std::int64_t, kZImageAxes> per_axis(ComponentConfig& config, const char* key,
                                               std::vector<std::int64_t> fallback,
                                               IntegerLimits limits) {
  const std::vector<std::int64_t> values = config.integers(key, std::move(fallback), limits);
  if (values.size() != static_cast<std::size_t>(kZImageAxes))
    config.refuse_invalid(key, "must have three numbers");
  std::array<std::int64_t, kZImageAxes> axes{};
  std::ranges::copy(values, axes.begin());
  return axes;
}

void read_axes(ComponentConfig& config, ZImageConfig& parsed) {
  parsed.axis_features = per_axis(config, "axes_dims", {32, 48, 48}, {2, 1 << 10});
  parsed.axis_positions = per_axis(config, "axes_lens", {1024, 512, 512}, kPositions);
  const auto& axes = parsed.axis_features;
  if (std::ranges::any_of(axes, [](std::int64_t features) { return features % 2 != 0; }))
    config.refuse_invalid("axes_dims", "has an odd number");
  const std::int64_t sum = std::accumulate(axes.begin(), axes.end(), std::int64_t{0});
  if (sum != parsed.head_dim())
    config.refuse_invalid("axes_dims", "must have the sum " + std::to_string(parsed.head_dim()) +
                                           ", the features of a head (dim / n_heads)");
}

}  // namespace

std::int64_t ZImageConfig::feed_forward_features() const {
  return static_cast<std::int64_t>(static_cast<double>(features) / 3 * 8);
}

std::int64_t z_image_padded(std::int64_t tokens) {
  return (tokens + kZImageTokenMultiple - 1) / kZImageTokenMultiple * kZImageTokenMultiple;
}

ZImageConfig parse_z_image_config(ComponentConfig& config) {
  ZImageConfig parsed;
  config.expect("all_patch_size", {kZImagePatch});
  config.expect("all_f_patch_size", {1});
  config.expect("siglip_feat_dim", nullptr);
  config.expect("qk_norm", true);
  parsed.latent_channels = config.integer("in_channels", 16, {1, 1 << 10});
  parsed.features = config.integer("dim", 3840, kFeatures);
  parsed.layers = config.integer("n_layers", 30, {1, 256});
  parsed.refiner_layers = config.integer("n_refiner_layers", 2, {0, 64});
  parsed.heads = config.integer("n_heads", 30, {1, 1024});
  if (parsed.features % parsed.heads != 0) config.refuse_invalid("n_heads", "does not divide dim");
  parsed.text_features = config.integer("cap_feat_dim", 2560, kFeatures);
  parsed.norm_eps = config.number("norm_eps", 1e-5);
  if (parsed.norm_eps <= 0) config.refuse_invalid("norm_eps", "must be above 0");
  parsed.rope_theta = config.number("rope_theta", 256);
  if (parsed.rope_theta <= 0) config.refuse_invalid("rope_theta", "must be above 0");
  parsed.time_scale = config.number("t_scale", 1000);
  read_axes(config, parsed);
  config.ignore({"n_kv_heads"});  // the reference reads it and gives every query a key of its own
  config.finish();
  return parsed;
}

}  // namespace bafa::model
