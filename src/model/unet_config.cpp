#include "model/unet_config.h"

#include <algorithm>
#include <string>

namespace bafa::model {
namespace {

constexpr IntegerLimits kChannels{.min = 1, .max = 1 << 14};
constexpr IntegerLimits kCount{.min = 1, .max = 64};

std::vector<std::string> block_types(ComponentConfig& config, std::string_view key,
                                     std::vector<std::string> fallback, std::size_t levels) {
  std::vector<std::string> types = config.strings(key, std::move(fallback));
  if (types.size() != levels) {
    config.refuse_invalid(key, "has " + std::to_string(types.size()) +
                                   " entries, block_out_channels " + std::to_string(levels));
  }
  return types;
}

// Whether a block of this type has attention.
bool has_attention(const ComponentConfig& config, std::string_view key, const std::string& type,
                   const std::string& direction) {
  if (type == "CrossAttn" + direction + "Block2D") return true;
  if (type == direction + "Block2D") return false;
  config.refuse(key, "names the block " + type + ", which bafa does not have");
}

// The reference takes "attention_head_dim" for the number of heads; published files rely on it.
std::vector<std::int64_t> heads(ComponentConfig& config,
                                const std::vector<std::int64_t>& channels) {
  const std::vector<std::int64_t> heads =
      config.per_block("attention_head_dim", 8, channels.size(), {.min = 1, .max = 1024});
  config.expect("num_attention_heads", nullptr);
  for (std::size_t i = 0; i < channels.size(); ++i) {
    if (channels[i] % heads[i] != 0) {
      config.refuse_invalid("attention_head_dim", std::to_string(heads[i]) +
                                                      " heads do not divide " +
                                                      std::to_string(channels[i]) + " channels");
    }
  }
  return heads;
}

std::int64_t text_features(ComponentConfig& config, std::size_t levels) {
  const std::vector<std::int64_t> widths =
      config.per_block("cross_attention_dim", 1280, levels, kChannels);
  if (std::ranges::any_of(widths, [&](std::int64_t width) { return width != widths.front(); })) {
    config.refuse("cross_attention_dim", "differs between blocks, which bafa does not know");
  }
  return widths.front();
}

void read_levels(ComponentConfig& config, UNetConfig& unet) {
  const std::vector<std::int64_t> channels =
      config.integers("block_out_channels", {320, 640, 1280, 1280}, kChannels);
  if (channels.empty()) config.refuse_invalid("block_out_channels", "is empty");
  const std::size_t count = channels.size();
  const std::vector<std::string> down = block_types(
      config, "down_block_types",
      {"CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"},
      count);
  const std::vector<std::string> up = block_types(
      config, "up_block_types",
      {"UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"}, count);
  const auto layers = config.per_block("layers_per_block", 2, count, kCount);
  const auto transformers = config.per_block("transformer_layers_per_block", 1, count, kCount);
  std::vector<std::int64_t> up_transformers(transformers.rbegin(), transformers.rend());
  const Json* reversed = config.any("reverse_transformer_layers_per_block");
  if (reversed != nullptr && !reversed->is_null()) {
    up_transformers = config.per_block("reverse_transformer_layers_per_block", 1, count, kCount);
  }
  const std::vector<std::int64_t> level_heads = heads(config, channels);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t mirrored = count - 1 - i;
    const bool attends_down = has_attention(config, "down_block_types", down[i], "Down");
    const bool attends_up = has_attention(config, "up_block_types", up[mirrored], "Up");
    unet.levels.push_back({.channels = channels[i],
                           .layers = layers[i],
                           .heads = level_heads[i],
                           .down_transformers = attends_down ? transformers[i] : 0,
                           .up_transformers = attends_up ? up_transformers[mirrored] : 0});
  }
  unet.mid_transformers = transformers.back();
  unet.text_features = text_features(config, count);
}

void read_norms(ComponentConfig& config, UNetConfig& unet) {
  const Json* groups = config.any("norm_num_groups");
  if (groups != nullptr && groups->is_null()) {
    config.refuse("norm_num_groups", "is null: bafa has no network without norms");
  }
  unet.groups = config.integer("norm_num_groups", 32, {.min = 1, .max = 1 << 10});
  unet.norm_eps = config.number("norm_eps", 1e-5);
  if (unet.norm_eps <= 0) config.refuse_invalid("norm_eps", "must be above 0");
  for (const UNetLevel& level : unet.levels) {
    if (level.channels % unet.groups != 0) {
      config.refuse_invalid("norm_num_groups",
                            "does not divide " + std::to_string(level.channels) + " channels");
    }
  }
}

// Odd, so that the image keeps its size.
std::int64_t kernel(ComponentConfig& config, std::string_view key) {
  const std::int64_t size = config.integer(key, 3, {.min = 1, .max = 15});
  if (size % 2 == 0) config.refuse_invalid(key, "must be odd");
  return size;
}

void read_time(ComponentConfig& config, UNetConfig& unet) {
  const std::int64_t width = unet.levels.front().channels;
  if (width % 2 != 0) config.refuse_invalid("block_out_channels", "must begin with an even number");
  unet.time_features = config.integer("time_embedding_dim", 4 * width, kChannels);
  unet.flip_sin_to_cos = config.boolean("flip_sin_to_cos", true);
  unet.freq_shift = config.number("freq_shift", 0);
  if (unet.freq_shift >= static_cast<double>(width) / 2) {
    config.refuse_invalid("freq_shift", "must be below half of the first block's channels");
  }
}

void read_guidance(ComponentConfig& config, UNetConfig& unet) {
  const Json* features = config.any("time_cond_proj_dim");
  if (features == nullptr || features->is_null()) return;
  unet.guidance_features = config.integer("time_cond_proj_dim", 0, {.min = 4, .max = 1 << 14});
  if (unet.guidance_features % 2 != 0) config.refuse_invalid("time_cond_proj_dim", "must be even");
}

// The file says how wide all of them together are; what the sizes leave is the text's.
void read_additions(ComponentConfig& config, UNetConfig& unet) {
  config.expect("addition_embed_type", "text_time");
  if (!config.has("addition_embed_type")) {
    config.ignore({"addition_time_embed_dim", "projection_class_embeddings_input_dim"});
    return;
  }
  for (const char* key : {"addition_time_embed_dim", "projection_class_embeddings_input_dim"})
    if (!config.has(key)) config.refuse_invalid(key, "is missing, which text_time needs");
  unet.size_id_features = config.integer("addition_time_embed_dim", 0, kChannels);
  if (unet.size_id_features % 2 != 0)
    config.refuse_invalid("addition_time_embed_dim", "must be even");
  const std::int64_t joined =
      config.integer("projection_class_embeddings_input_dim", 0, {.min = 1, .max = 1 << 17});
  unet.pooled_features = joined - kSizeIds * unet.size_id_features;
  if (unet.pooled_features <= 0)
    config.refuse_invalid("projection_class_embeddings_input_dim",
                          "leaves no room for a text beside six times addition_time_embed_dim");
}

// Features of the reference class that no supported checkpoint uses.
void refuse_other_features(ComponentConfig& config) {
  for (const char* key : {"class_embed_type", "num_class_embeds", "encoder_hid_dim",
                          "encoder_hid_dim_type", "time_embedding_act_fn", "timestep_post_act",
                          "cross_attention_norm", "mid_block_only_cross_attention"}) {
    config.expect(key, nullptr);
  }
  for (const char* key : {"only_cross_attention", "dual_cross_attention", "resnet_skip_time_act",
                          "class_embeddings_concat"}) {
    config.expect(key, false);
  }
  config.expect("resnet_time_scale_shift", "default");
  config.expect("time_embedding_type", "positional");
  config.expect("attention_type", "default");
  if (const std::string act = config.string("act_fn", "silu"); act != "silu" && act != "swish") {
    config.refuse("act_fn", "is " + act + "; bafa has silu");
  }
  for (const char* key : {"mid_block_scale_factor", "resnet_out_scale_factor"}) {
    if (config.number(key, 1) != 1) config.refuse(key, "other than 1 is not supported");
  }
  // Read by parts that are refused above; upcast_attention has no effect on fused attention.
  config.ignore({"dropout", "upcast_attention", "addition_embed_type_num_heads"});
}

}  // namespace

UNetConfig parse_unet_config(ComponentConfig& config) {
  UNetConfig unet;
  unet.in_channels = config.integer("in_channels", 4, kChannels);
  unet.out_channels = config.integer("out_channels", 4, kChannels);
  unet.sample_size = config.integer("sample_size", 0, {.min = 0, .max = 1 << 14});
  read_levels(config, unet);
  read_norms(config, unet);
  read_time(config, unet);
  read_guidance(config, unet);
  read_additions(config, unet);
  unet.linear_projection = config.boolean("use_linear_projection", false);
  unet.downsample_padding = config.integer("downsample_padding", 1, {.min = 0, .max = 1});
  unet.conv_in_kernel = kernel(config, "conv_in_kernel");
  unet.conv_out_kernel = kernel(config, "conv_out_kernel");
  unet.center_input_sample = config.boolean("center_input_sample", false);
  const Json* mid = config.any("mid_block_type");
  unet.has_mid_block = mid == nullptr || !mid->is_null();
  config.expect("mid_block_type", "UNetMidBlock2DCrossAttn");
  refuse_other_features(config);
  config.finish();
  return unet;
}

}  // namespace bafa::model
