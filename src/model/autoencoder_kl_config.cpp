#include "model/autoencoder_kl_config.h"

#include <string>

namespace bafa::model {
namespace {

// One number for each latent channel, or nothing.
std::vector<double> latent_statistics(ComponentConfig& config, std::string_view key,
                                      std::int64_t channels) {
  const Json* value = config.any(key);
  if (value == nullptr || value->is_null()) return {};
  std::vector<double> numbers;
  if (!value->is_array()) config.refuse_invalid(key, "is not a list of numbers");
  for (const Json& number : *value) {
    if (!number.is_number()) config.refuse_invalid(key, "is not a list of numbers");
    numbers.push_back(number.get<double>());
  }
  if (static_cast<std::int64_t>(numbers.size()) != channels) {
    config.refuse_invalid(key, "has " + std::to_string(numbers.size()) + " entries for " +
                                   std::to_string(channels) + " latent channels");
  }
  return numbers;
}

void expect_blocks(ComponentConfig& config, std::string_view key, const std::string& type,
                   std::size_t levels) {
  for (const std::string& name : config.strings(key, {type})) {
    if (name != type) config.refuse(key, "names the block " + name + ", which bafa does not have");
  }
  if (config.strings(key, {type}).size() != levels) {
    config.refuse_invalid(key, "has another length than block_out_channels");
  }
}

void read_latents(ComponentConfig& config, AutoencoderKlConfig& vae) {
  vae.latent_channels = config.integer("latent_channels", 4, {.min = 1, .max = 1 << 10});
  vae.scaling_factor = config.number("scaling_factor", 0.18215);
  if (vae.scaling_factor == 0) config.refuse_invalid("scaling_factor", "must not be 0");
  vae.shift_factor = config.number("shift_factor", 0);
  vae.latents_mean = latent_statistics(config, "latents_mean", vae.latent_channels);
  vae.latents_std = latent_statistics(config, "latents_std", vae.latent_channels);
  if (vae.latents_mean.empty() != vae.latents_std.empty()) {
    config.refuse_invalid("latents_mean", "and latents_std must both be given or both be absent");
  }
}

}  // namespace

AutoencoderKlConfig parse_autoencoder_kl_config(ComponentConfig& config) {
  AutoencoderKlConfig vae;
  vae.channels = config.integers("block_out_channels", {64}, {.min = 1, .max = 1 << 14});
  if (vae.channels.empty() || vae.channels.size() > 8) {
    config.refuse_invalid("block_out_channels", "must have 1 to 8 levels");
  }
  expect_blocks(config, "down_block_types", "DownEncoderBlock2D", vae.channels.size());
  expect_blocks(config, "up_block_types", "UpDecoderBlock2D", vae.channels.size());
  config.expect("out_channels", 3);
  vae.layers_per_block = config.integer("layers_per_block", 1, {.min = 1, .max = 64});
  vae.groups = config.integer("norm_num_groups", 32, {.min = 1, .max = 1 << 10});
  for (const std::int64_t channels : vae.channels) {
    if (channels % vae.groups != 0) {
      config.refuse_invalid("norm_num_groups",
                            "does not divide " + std::to_string(channels) + " channels");
    }
  }
  config.expect("act_fn", "silu");
  read_latents(config, vae);
  vae.post_quant_conv = config.boolean("use_post_quant_conv", true);
  vae.mid_attention = config.boolean("mid_block_add_attention", true);
  vae.force_upcast = config.boolean("force_upcast", true);
  // The encoder's, or of tiling, which is the caller's choice.
  config.ignore({"in_channels", "use_quant_conv", "sample_size"});
  config.finish();
  return vae;
}

}  // namespace bafa::model
