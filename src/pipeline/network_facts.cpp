#include "pipeline/network_facts.h"

#include <algorithm>
#include <functional>
#include <string_view>

#include "bafa/error.h"
#include "base/text.h"
#include "weights/checkpoint.h"

namespace bafa::pipeline {
namespace {

using weights::StoredType;

constexpr IntegerLimits kWidth{.min = 1, .max = memory::kMaxWidth};
constexpr IntegerLimits kLayers{.min = 1, .max = 64};
constexpr std::size_t kMaxLevels = 8;

bool is_float(StoredType type) {
  switch (type) {
    case StoredType::f8_e4m3:
    case StoredType::f8_e5m2:
    case StoredType::f16:
    case StoredType::bf16:
    case StoredType::f32:
    case StoredType::f64: return true;
    default: return false;
  }
}

// Buffers of indices that checkpoints carry along and networks make themselves.
bool is_index_buffer(std::string_view name) {
  return name.ends_with("_ids") || name.ends_with("num_batches_tracked");
}

// Tells the tensors that painting has no use for.
std::function<bool(std::string_view)> unused_of(const ModelIndex& index, const std::string& name) {
  const std::string& class_name = index.at(name).class_name;
  if (class_name.starts_with("Autoencoder")) {
    return [](std::string_view tensor) {
      return tensor.starts_with("encoder.") || tensor.starts_with("quant_conv.");
    };
  }
  if (class_name == "Qwen3Model" && index.family == "ZImagePipeline") {
    // Hidden states are taken before the last layer.
    ComponentConfig config = open_config(index, name);
    const std::int64_t last = config.integer("num_hidden_layers", 36, {1, 1 << 10}) - 1;
    return [prefix = "layers." + std::to_string(last) + "."](std::string_view tensor) {
      if (tensor.starts_with("model.")) tensor.remove_prefix(6);
      return tensor.starts_with(prefix) || tensor.starts_with("norm.");
    };
  }
  return [](std::string_view) { return false; };
}

bool attends(const std::vector<std::string>& types, std::size_t level) {
  return types[level].find("CrossAttn") != std::string::npos;
}

std::vector<std::string> block_types(ComponentConfig& config, std::string_view key,
                                     std::vector<std::string> fallback, std::size_t levels) {
  std::vector<std::string> types = config.strings(key, std::move(fallback));
  if (types.size() != levels) config.refuse_invalid(key, "has not one entry a level");
  return types;
}

std::vector<std::int64_t> channels(ComponentConfig& config, std::string_view key,
                                   std::vector<std::int64_t> fallback) {
  std::vector<std::int64_t> widths = config.integers(key, std::move(fallback), kWidth);
  if (widths.empty() || widths.size() > kMaxLevels) {
    config.refuse_invalid(key, "must have 1 to 8 levels");
  }
  return widths;
}

memory::TransformerFacts layer_facts(const ComponentConfig& config, const NetworkWeights& weights) {
  if (weights.widest == 0 || weights.widest > memory::kMaxWidth) {
    throw Error(ErrorCode::invalid_model,
                config.source() + ": the weights beside it hold no layers of a known kind",
                config.source());
  }
  return {.features = weights.features, .widest = weights.widest};
}

}  // namespace

NetworkWeights read_weights(const ModelIndex& index, const std::string& name,
                            memory::DataType type) {
  const weights::Checkpoint checkpoint(index.folder / name, weights_stem(name, index.at(name)));
  const auto unused = unused_of(index, name);
  NetworkWeights network;
  std::uint64_t most = 0;
  for (const auto& [tensor_name, tensor] : checkpoint.tensors()) {
    const weights::StoredTensor& stored = tensor.stored;
    if (is_index_buffer(tensor_name) || unused(tensor_name)) continue;
    if (!is_float(stored.type)) {
      throw Error(ErrorCode::unsupported_model,
                  checkpoint.source() + ": tensor " + printable(tensor_name, 128) + " is " +
                      std::string(weights::to_string(stored.type)) +
                      "; bafa has no quantised weights",
                  tensor_name);
    }
    const std::uint64_t elements = (stored.end - stored.begin) / weights::size_bytes(stored.type);
    network.tensors.push_back({tensor_name, elements * memory::size_bytes(type)});
    if (stored.shape.size() != 2 || elements <= most) continue;
    if (memory::block_name(tensor_name).empty()) continue;
    most = elements;
    network.features = std::ranges::min(stored.shape);
    network.widest = std::ranges::max(stored.shape);
  }
  return network;
}

ComponentConfig open_config(const ModelIndex& index, const std::string& name) {
  return ComponentConfig(index.folder / name / "config.json");
}

memory::UNetFacts read_unet_facts(ComponentConfig& config) {
  const std::vector<std::int64_t> widths =
      channels(config, "block_out_channels", {320, 640, 1280, 1280});
  const std::size_t levels = widths.size();
  const std::vector<std::string> down = block_types(
      config, "down_block_types",
      {"CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"},
      levels);
  const std::vector<std::string> up = block_types(
      config, "up_block_types",
      {"UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"}, levels);
  const auto layers = config.per_block("layers_per_block", 2, levels, kLayers);
  const auto transformers = config.per_block("transformer_layers_per_block", 1, levels, kLayers);
  // The reference takes it for the number of heads; published files rely on it.
  const auto heads = config.per_block("attention_head_dim", 8, levels, {1, 1024});
  memory::UNetFacts facts{.latent_channels = config.integer("in_channels", 4, kWidth)};
  for (std::size_t i = 0; i < levels; ++i) {
    const bool attention = attends(down, i) || attends(up, levels - 1 - i);
    facts.levels.push_back({.channels = widths[i],
                            .layers = layers[i],
                            .transformers = attention ? transformers[i] : 0,
                            .heads = heads[i]});
  }
  return facts;
}

memory::DecoderFacts read_decoder_facts(ComponentConfig& config) {
  memory::DecoderFacts facts;
  const bool tiny = config.has("decoder_block_out_channels");
  facts.channels =
      channels(config, tiny ? "decoder_block_out_channels" : "block_out_channels", {64});
  facts.latent_channels = config.integer("latent_channels", 4, kWidth);
  facts.mid_attention = !tiny && config.boolean("mid_block_add_attention", true);
  return facts;
}

memory::TransformerFacts read_encoder_facts(ComponentConfig& config,
                                            const NetworkWeights& weights) {
  memory::TransformerFacts facts = layer_facts(config, weights);
  facts.heads = config.integer("num_attention_heads", 0, {0, 1 << 10});
  return facts;
}

memory::DiffusionTransformerFacts read_transformer_facts(ComponentConfig& config,
                                                         const NetworkWeights& weights) {
  const std::vector<std::int64_t> patches = config.integers("all_patch_size", {}, {1, 64});
  return {.layers = layer_facts(config, weights),
          .patch = patches.empty() ? config.integer("patch_size", 2, {1, 64}) : patches.front(),
          .latent_channels = config.integer("in_channels", 16, kWidth)};
}

}  // namespace bafa::pipeline
