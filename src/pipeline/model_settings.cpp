#include "pipeline/model_settings.h"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>

#include "bafa/error.h"
#include "base/component_config.h"
#include "base/text.h"
#include "sampler/load.h"

namespace bafa::pipeline {
namespace {

constexpr int kMinSide = 32;
constexpr int kMaxSide = 1024;  // at least this much is allowed, whatever the model was trained at
constexpr int kMaxSteps = 1000;
constexpr int kMaxLayers = 1000;
constexpr double kMaxGuidance = 20.0;

std::array<float, 3> colour(const ComponentConfig& config, const char* key, const Json& json) {
  std::array<float, 3> values{};
  const bool three = json.is_array() && json.size() == 3 &&
                     std::ranges::all_of(json, [](const Json& v) { return v.is_number(); });
  if (!three) config.refuse_invalid(key, "must hold three numbers: red, green, blue");
  for (std::size_t i = 0; i < 3; ++i) values[i] = json[i].get<float>();
  return values;
}

std::optional<PreviewColours> read_preview(ComponentConfig& config) {
  const Json* json = config.any("preview");
  if (json == nullptr || json->is_null()) return std::nullopt;
  ComponentConfig preview(*json, config.source() + ": preview");
  PreviewColours colours;
  const Json* rows = preview.any("latent_to_rgb");
  if (rows == nullptr || !rows->is_array())
    preview.refuse_invalid("latent_to_rgb", "must be a list with one colour a latent channel");
  for (const Json& row : *rows)
    colours.latent_to_rgb.push_back(colour(preview, "latent_to_rgb", row));
  if (const Json* bias = preview.any("bias"); bias != nullptr && !bias->is_null())
    colours.bias = colour(preview, "bias", *bias);
  preview.finish();
  return colours;
}

std::optional<int> read_side(ComponentConfig& defaults, const char* key) {
  if (!defaults.has(key)) return std::nullopt;
  return static_cast<int>(defaults.integer(key, 0, {kMinSide, 1 << 14}));
}

// A word out of a list; "" when the key is absent.
std::string read_word(ComponentConfig& config, const char* key,
                      const std::vector<std::string>& known) {
  const std::string word = config.string(key, "");
  if (!config.has(key) || std::ranges::find(known, word) != known.end()) return word;
  std::string list;
  for (const std::string& each : known) list += (list.empty() ? "" : ", ") + each;
  config.refuse_invalid(key, "is " + printable(word) + "; bafa knows " + list);
}

double read_eta(ComponentConfig& config) {
  const double eta = config.number("eta", 0.0);
  if (eta < 0 || eta > 1) config.refuse_invalid("eta", "must be between 0 and 1");
  return eta;
}

void read_defaults(ComponentConfig& config, ModelSettings& settings) {
  const Json* json = config.any("defaults");
  if (json == nullptr || json->is_null()) return;
  ComponentConfig defaults(*json, config.source() + ": defaults");
  if (defaults.has("steps"))
    settings.steps = static_cast<int>(defaults.integer("steps", 1, {1, kMaxSteps}));
  if (defaults.has("guidance_scale")) {
    settings.guidance_scale = defaults.number("guidance_scale", 1);
    if (*settings.guidance_scale < 0 || *settings.guidance_scale > kMaxGuidance)
      defaults.refuse_invalid("guidance_scale", "must be between 0 and 20");
  }
  settings.clip_skip = static_cast<int>(defaults.integer("clip_skip", 0, {0, kMaxLayers}));
  settings.width = read_side(defaults, "width");
  settings.height = read_side(defaults, "height");
  defaults.finish();
}

[[noreturn]] void refuse_default(const std::string& what, const std::string& limit) {
  throw Error(ErrorCode::invalid_config, "the model's default " + what + " is beyond " + limit,
              what);
}

SizeLimits size_limits(const ModelSettings& settings, const ModelFacts& facts,
                       std::int64_t max_pixels) {
  const int native = facts.native_side > 0 ? facts.native_side : 512;
  const int longest = std::max(kMaxSide, 2 * native) / facts.multiple * facts.multiple;
  const int shortest = (kMinSide + facts.multiple - 1) / facts.multiple * facts.multiple;
  SizeLimits size;
  const auto limited = [&](int own) { return own > 0 ? std::min(own, longest) : longest; };
  size.width = {shortest, limited(facts.max_width), settings.width.value_or(native)};
  size.height = {shortest, limited(facts.max_height), settings.height.value_or(native)};
  size.multiple = facts.multiple;
  size.max_pixels = max_pixels > 0 ? max_pixels : std::int64_t{size.width.max} * size.height.max;
  for (const auto& [range, name] : {std::pair{size.width, "width"}, {size.height, "height"}}) {
    if (!range.contains(range.fallback) || range.fallback % size.multiple != 0)
      refuse_default(name, std::to_string(range.min) + " to " + std::to_string(range.max) +
                               " in multiples of " + std::to_string(size.multiple));
  }
  if (std::int64_t{size.width.fallback} * size.height.fallback > size.max_pixels)
    refuse_default("width times height", std::to_string(size.max_pixels) + " (limits.max_pixels)");
  return size;
}

}  // namespace

ModelSettings read_model_settings(const std::filesystem::path& folder) {
  ModelSettings settings;
  const std::filesystem::path absolute = std::filesystem::absolute(folder).lexically_normal();
  settings.name = (absolute.has_filename() ? absolute : absolute.parent_path()).filename().string();
  const std::filesystem::path file = folder / "model.json";
  if (!std::filesystem::exists(file)) return settings;
  ComponentConfig config(file);
  settings.name = config.string("name", settings.name);
  if (settings.name.empty()) config.refuse_invalid("name", "must not be empty");
  read_defaults(config, settings);
  settings.preview = read_preview(config);
  settings.sampler = read_word(config, "sampler", sampler::names());
  settings.timestep_spacing = read_word(config, "timestep_spacing", sampler::spacing_names());
  settings.eta = read_eta(config);
  config.finish();
  return settings;
}

Capabilities make_capabilities(const ModelSettings& settings, const ModelFacts& facts,
                               const LimitsConfig& limits) {
  const int steps = settings.steps.value_or(facts.defaults.steps);
  const double guidance_scale = settings.guidance_scale.value_or(facts.defaults.guidance_scale);
  if (settings.clip_skip > facts.max_clip_skip)
    refuse_default("clip_skip",
                   std::to_string(facts.max_clip_skip) + ", the most it can do without");
  if (steps > limits.max_steps)
    refuse_default("steps", std::to_string(limits.max_steps) + " (limits.max_steps)");
  const auto sampler_limit = facts.sampler_max_steps.find(facts.samplers.front());
  if (sampler_limit != facts.sampler_max_steps.end() && steps > sampler_limit->second)
    refuse_default("steps", std::to_string(sampler_limit->second) + ", the most that " +
                                sampler_limit->first + " takes");
  if (settings.preview &&
      settings.preview->latent_to_rgb.size() != static_cast<std::size_t>(facts.latent_channels))
    throw Error(ErrorCode::invalid_model,
                "model.json: preview.latent_to_rgb needs a colour for each of the " +
                    std::to_string(facts.latent_channels) + " latent channels",
                "latent_to_rgb");
  Capabilities capabilities;
  capabilities.model = settings.name;
  capabilities.family = facts.family;
  capabilities.size = size_limits(settings, facts, limits.max_pixels);
  capabilities.steps = {1, limits.max_steps, steps};
  capabilities.guidance_scale = {0.0, kMaxGuidance, guidance_scale};
  capabilities.no_guidance_until = facts.no_guidance_until;
  capabilities.negative_prompt = facts.negative_prompt;
  capabilities.guidance_rescale = {0.0, facts.rescales_guidance ? 1.0 : 0.0, 0.0};
  capabilities.cfg_normalization = {0.0, facts.limits_guidance ? kMaxGuidance : 0.0, 0.0};
  capabilities.cfg_truncation = {facts.limits_guidance ? 0.0 : 1.0, 1.0, 1.0};
  capabilities.clip_skip = {0, facts.max_clip_skip, settings.clip_skip};
  capabilities.images = {1, limits.max_images, 1};
  capabilities.samplers = facts.samplers;
  for (const auto& [sampler, most] : facts.sampler_max_steps)
    if (most < limits.max_steps) capabilities.sampler_max_steps[sampler] = most;
  capabilities.max_prompt_bytes = limits.max_prompt_bytes;
  capabilities.max_prompt_tokens = facts.max_prompt_tokens;
  capabilities.previews = settings.preview.has_value() || facts.previews;
  return capabilities;
}

}  // namespace bafa::pipeline
