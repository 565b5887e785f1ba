#include "pipeline/memory_facts.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "bafa/error.h"
#include "pipeline/families/family.h"
#include "pipeline/model_settings.h"
#include "pipeline/network_facts.h"

namespace bafa::pipeline {
namespace {

using memory::DataType;
using memory::DiffusionTransformerFacts;
using memory::Phase;
using memory::UNetFacts;

constexpr std::int64_t kMaxPromptTokens =
    512;                                    // the reference's own limit where encoders take more
constexpr std::int64_t kNativeSide = 1024;  // where no config says it

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

// SDXL's decoder overflows fp16, so the reference runs it in fp32. SD 1.5's has the same key and is
// never upcast.
DataType decoder_type(const ModelIndex& index, DataType type) {
  const bool upcast =
      index.family.starts_with("StableDiffusionXL") || index.family.starts_with("Kolors");
  if (type != DataType::fp16 || !upcast) return type;
  return open_config(index, "vae").boolean("force_upcast", true) ? DataType::fp32 : type;
}

std::vector<std::string> left_out(const ModelIndex& index, const std::string& denoiser) {
  std::vector<std::string> names;
  for (const auto& [name, component] : index.components) {
    if (is_encoder(name) || name == denoiser || name == "vae") continue;
    if (!weights_stem(name, component).empty()) names.push_back(name);
  }
  return names;
}

void read_encoders(const ModelIndex& index, MemoryFacts& facts) {
  for (const auto& [name, component] : index.components) {
    if (!is_encoder(name)) continue;
    const NetworkWeights weights = read_weights(index, name, facts.type);
    ComponentConfig config = open_config(index, name);
    facts.encoders.push_back({.weights = memory::group_blocks(name, weights.tensors),
                              .facts = read_encoder_facts(config, weights)});
  }
}

void read_denoiser(const ModelIndex& index, const std::string& name, MemoryFacts& facts) {
  const NetworkWeights weights = read_weights(index, name, facts.type);
  facts.denoiser = memory::group_blocks(name, weights.tensors);
  ComponentConfig config = open_config(index, name);
  if (index.at(name).class_name == "UNet2DConditionModel") {
    facts.denoiser_facts = read_unet_facts(config);
  } else {
    facts.denoiser_facts = read_transformer_facts(config, weights);
  }
}

// A decoder is small beside its activations: it is not streamed, so it is one piece.
void read_decoder(const ModelIndex& index, MemoryFacts& facts) {
  ComponentConfig config = open_config(index, "vae");
  facts.decoder_facts = read_decoder_facts(config);
  facts.decoder_type = decoder_type(index, facts.type);
  facts.decoder = {.name = "vae", .outside_bytes = 0, .blocks = {}};
  for (const auto& tensor : read_weights(index, "vae", facts.decoder_type).tensors) {
    facts.decoder.outside_bytes += tensor.bytes;
  }
}

memory::PhaseNeeds encode_needs(const MemoryFacts& facts, const memory::Workload& work) {
  memory::PhaseNeeds needs;
  std::uint64_t most = 0;
  for (const EncoderMemory& encoder : facts.encoders) {
    needs.components.push_back(encoder.weights);
    const auto choices = memory::encoder_activations(encoder.facts, work, facts.type);
    most = std::max(most, choices.front().bytes);  // they run in turn
  }
  needs.activations = {{.bytes = most}};
  return needs;
}

std::vector<memory::Activations> denoiser_activations(const MemoryFacts& facts,
                                                      const memory::Workload& work) {
  if (const auto* const unet = std::get_if<UNetFacts>(&facts.denoiser_facts)) {
    return memory::unet_activations(*unet, work, facts.type, facts.scale());
  }
  return memory::transformer_activations(std::get<DiffusionTransformerFacts>(facts.denoiser_facts),
                                         work, facts.type, facts.scale());
}

// What the prompts of the pictures hold while these are decoded.
std::uint64_t held_bytes(const MemoryFacts& facts, const memory::Workload& work) {
  const auto* const unet = std::get_if<UNetFacts>(&facts.denoiser_facts);
  return unet == nullptr ? 0 : memory::prompt_bytes(*unet, work, facts.type);
}

constexpr std::uint64_t kSmall = 33;  // one part in so many

}  // namespace

std::int64_t MemoryFacts::multiple() const {
  const auto* const transformer = std::get_if<DiffusionTransformerFacts>(&denoiser_facts);
  return scale() * (transformer != nullptr ? transformer->patch : 1);
}

bool MemoryFacts::guides(double guidance) const {
  return guidance > (family == "ZImagePipeline" ? 0 : 1);
}

MemoryFacts read_memory_facts(const std::filesystem::path& model, DataType type) {
  const ModelIndex index = read_model_index(model);
  const ModelSettings settings = read_model_settings(model);
  const std::string denoiser = denoiser_of(index);
  index.at("vae");
  MemoryFacts facts{.name = settings.name, .family = index.family, .type = type};
  read_encoders(index, facts);
  read_denoiser(index, denoiser, facts);
  read_decoder(index, facts);
  facts.left_out = left_out(index, denoiser);
  const RequestDefaults defaults = defaults_of(index);
  facts.steps = settings.steps.value_or(defaults.steps);
  facts.guidance_scale = settings.guidance_scale.value_or(defaults.guidance_scale);
  const auto native = static_cast<int>(native_side(index, denoiser, facts.scale()));
  facts.usual = {.width = settings.width.value_or(native),
                 .height = settings.height.value_or(native),
                 .batch = 1,
                 .tokens = prompt_tokens(index),
                 .guided = facts.guides(facts.guidance_scale)};
  return facts;
}

memory::ModelNeeds needs_of(const MemoryFacts& facts, const memory::Workload& work, int steps) {
  memory::ModelNeeds needs;
  needs[index_of(Phase::encode)] = encode_needs(facts, work);
  needs[index_of(Phase::denoise)] = {.components = {facts.denoiser},
                                     .activations = denoiser_activations(facts, work),
                                     .evaluations = steps};
  needs[index_of(Phase::decode)] = {
      .components = {facts.decoder},
      .activations = memory::decoder_activations(facts.decoder_facts, work, facts.decoder_type),
      .evaluations = 1};
  for (const Phase phase : memory::kPhases) {
    if (!facts.here[index_of(phase)])
      needs[index_of(phase)] = {.components = {}, .activations = {{}}};
  }
  if (work.kernels == memory::Kernels::plain) return needs;
  for (memory::Activations& choice : needs[index_of(Phase::decode)].activations) {
    const bool both = facts.here[index_of(Phase::denoise)] && facts.here[index_of(Phase::decode)];
    if (both) choice.bytes += held_bytes(facts, work);
  }
  // Measured on a processor: small things that no formula counts.
  for (memory::PhaseNeeds& phase : needs) {
    for (memory::Activations& choice : phase.activations) choice.bytes += choice.bytes / kSmall;
  }
  return needs;
}

}  // namespace bafa::pipeline
