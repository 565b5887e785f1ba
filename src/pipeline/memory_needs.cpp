#include "pipeline/memory_needs.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "bafa/error.h"
#include "pipeline/families/family.h"
#include "pipeline/model_settings.h"
#include "pipeline/network_facts.h"

namespace bafa::pipeline {
namespace {

using memory::DataType;
using memory::Phase;

constexpr std::int64_t kMaxPromptTokens =
    512;                                    // the reference's own limit where encoders take more
constexpr std::int64_t kNativeSide = 1024;  // where no config says it
constexpr std::int64_t kMaxSteps = 1000;

bool is_encoder(std::string_view name) {
  return name == "text_encoder" || name == "text_encoder_2" || name == "text_encoder_3";
}

std::string denoiser_of(const ModelIndex& index) {
  for (const char* name : {"unet", "transformer"}) {
    if (index.components.contains(name)) return name;
  }
  throw Error(ErrorCode::unsupported_model,
              (index.folder / "model_index.json").string() +
                  ": there is no component unet or transformer, so bafa cannot tell what denoises",
              "_class_name");
}

// The tokenizer's padding where its file says one, at most what the encoder has positions for.
std::int64_t prompt_tokens(const ModelIndex& index) {
  std::int64_t tokens = kMaxPromptTokens;
  for (const auto& [name, component] : index.components) {
    if (!is_encoder(name)) continue;
    ComponentConfig config = open_config(index, name);
    tokens = std::min(tokens, config.integer("max_position_embeddings", kMaxPromptTokens,
                                             {1, std::int64_t{1} << 40}));
  }
  const std::filesystem::path file = index.folder / "tokenizer" / "tokenizer_config.json";
  if (!std::filesystem::exists(file)) return tokens;
  ComponentConfig config(file);
  // A tokenizer without a limit says 1e30.
  const Json* const length = config.any("model_max_length");
  if (length == nullptr || !length->is_number_unsigned()) return tokens;
  const auto limit = length->get<std::uint64_t>();
  if (limit == 0 || limit > static_cast<std::uint64_t>(tokens)) return tokens;
  return static_cast<std::int64_t>(limit);
}

std::int64_t native_side(const ModelIndex& index, const std::string& denoiser, std::int64_t scale) {
  ComponentConfig config = open_config(index, denoiser);
  const Json* const sample = config.any("sample_size");
  if (sample != nullptr && sample->is_number_integer()) {
    return config.integer("sample_size", 0, {1, memory::kMaxSide}) * scale;
  }
  ComponentConfig vae = open_config(index, "vae");
  return vae.integer("sample_size", kNativeSide, {1, memory::kMaxSide});
}

std::int64_t within(std::optional<std::int64_t> value, std::int64_t fallback, std::int64_t max,
                    const std::string& name) {
  const std::int64_t chosen = value.value_or(fallback);
  if (chosen >= 1 && chosen <= max) return chosen;
  throw Error(
      ErrorCode::invalid_value,
      name + " is " + std::to_string(chosen) + "; it must be from 1 to " + std::to_string(max),
      name);
}

std::int64_t side(std::optional<std::int64_t> asked, std::int64_t fallback, std::int64_t multiple) {
  const std::int64_t pixels = asked.value_or(fallback);
  if (pixels >= multiple && pixels <= memory::kMaxSide && pixels % multiple == 0) return pixels;
  throw Error(ErrorCode::unsupported_size,
              "a side of " + std::to_string(pixels) + " pixels is not for this model: it must be " +
                  std::to_string(multiple) + " to " + std::to_string(memory::kMaxSide) +
                  " in multiples of " + std::to_string(multiple),
              "size");
}

// SDXL's decoder overflows fp16, so the reference runs it in fp32. SD 1.5's has the same key and is
// never upcast.
DataType decoder_type(const ModelIndex& index, DataType type) {
  const bool upcast =
      index.family.starts_with("StableDiffusionXL") || index.family.starts_with("Kolors");
  if (type != DataType::fp16 || !upcast) return type;
  return open_config(index, "vae").boolean("force_upcast", true) ? DataType::fp32 : type;
}

memory::PhaseNeeds encode_needs(const ModelIndex& index, const memory::Workload& workload,
                                DataType type) {
  memory::PhaseNeeds needs;
  std::uint64_t most = 0;
  for (const auto& [name, component] : index.components) {
    if (!is_encoder(name)) continue;
    const NetworkWeights weights = read_weights(index, name, type);
    needs.components.push_back(memory::group_blocks(name, weights.tensors));
    ComponentConfig config = open_config(index, name);
    const auto activations =
        memory::encoder_activations(read_encoder_facts(config, weights), workload, type);
    most = std::max(most, activations.front().bytes);  // they run in turn
  }
  needs.activations = {{.bytes = most}};
  return needs;
}

// Latents along a side of what the denoiser works on.
std::int64_t patch_of(const ModelIndex& index, const std::string& name) {
  if (index.at(name).class_name == "UNet2DConditionModel") return 1;
  ComponentConfig config = open_config(index, name);
  return read_transformer_facts(config, {.tensors = {}, .features = 1, .widest = 1}).patch;
}

memory::PhaseNeeds denoise_needs(const ModelIndex& index, const std::string& name,
                                 const MemoryAnswer& answer, const MemoryQuestion& question,
                                 std::int64_t scale) {
  const NetworkWeights weights = read_weights(index, name, question.type);
  memory::PhaseNeeds needs{.components = {memory::group_blocks(name, weights.tensors)},
                           .activations = {},
                           .evaluations = answer.steps};
  ComponentConfig config = open_config(index, name);
  if (index.at(name).class_name == "UNet2DConditionModel") {
    needs.activations =
        memory::unet_activations(read_unet_facts(config), answer.workload, question.type, scale);
  } else {
    needs.activations = memory::transformer_activations(read_transformer_facts(config, weights),
                                                        answer.workload, question.type, scale);
  }
  return needs;
}

memory::PhaseNeeds decode_needs(const ModelIndex& index, const memory::DecoderFacts& facts,
                                const memory::Workload& workload, DataType type) {
  // A decoder is small beside its activations: it is not streamed, so it is one piece.
  memory::ComponentWeights weights{.name = "vae", .outside_bytes = 0, .blocks = {}};
  for (const auto& tensor : read_weights(index, "vae", type).tensors) {
    weights.outside_bytes += tensor.bytes;
  }
  return {.components = {std::move(weights)},
          .activations = memory::decoder_activations(facts, workload, type),
          .evaluations = 1};
}

// Whether every picture is seen twice.
bool is_guided(const ModelIndex& index, double scale) {
  return scale > (index.family == "ZImagePipeline" ? 0 : 1);
}

std::vector<std::string> left_out(const ModelIndex& index, const std::string& denoiser) {
  std::vector<std::string> names;
  for (const auto& [name, component] : index.components) {
    if (is_encoder(name) || name == denoiser || name == "vae") continue;
    if (!weights_stem(name, component).empty()) names.push_back(name);
  }
  return names;
}

}  // namespace

MemoryAnswer memory_needs(const MemoryQuestion& question) {
  const ModelIndex index = read_model_index(question.model);
  if (question.type == DataType::fp16) refuse_fp16(index);
  const ModelSettings settings = read_model_settings(question.model);
  const RequestDefaults defaults = defaults_of(index);
  const GenerateRequest& request = question.request;
  const std::string denoiser = denoiser_of(index);
  index.at("vae");
  ComponentConfig vae = open_config(index, "vae");
  const memory::DecoderFacts decoder = read_decoder_facts(vae);
  const std::int64_t scale = decoder.scale();
  const std::int64_t multiple = scale * patch_of(index, denoiser);
  const std::int64_t native = native_side(index, denoiser, scale);

  MemoryAnswer answer{.name = settings.name, .family = index.family};
  answer.steps = static_cast<int>(
      within(request.steps, settings.steps.value_or(defaults.steps), kMaxSteps, "steps"));
  answer.workload = {
      .width = side(request.width, settings.width.value_or(static_cast<int>(native)), multiple),
      .height = side(request.height, settings.height.value_or(static_cast<int>(native)), multiple),
      .batch = within(request.count, 1, memory::kMaxBatch, "batch"),
      .tokens = prompt_tokens(index),
      .guided = is_guided(index, request.guidance_scale.value_or(
                                     settings.guidance_scale.value_or(defaults.guidance_scale)))};
  answer.needs[index_of(Phase::encode)] = encode_needs(index, answer.workload, question.type);
  answer.needs[index_of(Phase::denoise)] = denoise_needs(index, denoiser, answer, question, scale);
  answer.needs[index_of(Phase::decode)] =
      decode_needs(index, decoder, answer.workload, decoder_type(index, question.type));
  answer.left_out = left_out(index, denoiser);
  return answer;
}

}  // namespace bafa::pipeline
