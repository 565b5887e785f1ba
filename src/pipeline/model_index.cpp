#include "pipeline/model_index.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "bafa/error.h"
#include "base/component_config.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"

namespace bafa::pipeline {
namespace {

constexpr std::size_t kMaxIndexBytes = 1 << 20;

// A component is a pair of names; a pair of nulls stands for one that is left out, and anything
// else is an option of the reference's pipeline class.
std::optional<Component> component(const Json& value) {
  if (!value.is_array() || value.size() != 2) return std::nullopt;
  if (!value[0].is_string() || !value[1].is_string()) return std::nullopt;
  return Component{value[0].get<std::string>(), value[1].get<std::string>()};
}

// Component names become folder names.
bool is_plain_name(const std::string& name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  });
}

}  // namespace

const Component& ModelIndex::at(std::string_view name) const {
  const auto found = components.find(name);
  if (found == components.end())
    throw Error(ErrorCode::invalid_model,
                (folder / "model_index.json").string() + ": the component " + std::string(name) +
                    " is missing",
                std::string(name));
  return found->second;
}

std::string weights_stem(const std::string& name, const Component& component) {
  if (name.starts_with("tokenizer") || name.starts_with("scheduler") ||
      name.starts_with("feature_extractor"))
    return "";
  // Text encoders are saved as transformers does it, those of diffusers' own classes too.
  const bool as_diffusers = component.library == "diffusers" && !name.starts_with("text_encoder");
  return as_diffusers ? "diffusion_pytorch_model" : "model";
}

bool ModelIndex::flag(std::string_view name, bool fallback) const {
  const auto found = options.find(name);
  if (found == options.end()) return fallback;
  if (found->second) return *found->second;
  throw Error(
      ErrorCode::invalid_model,
      (folder / "model_index.json").string() + ": " + std::string(name) + " must be true or false",
      std::string(name));
}

ModelIndex read_model_index(const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / "model_index.json";
  if (!std::filesystem::is_regular_file(file))
    throw Error(ErrorCode::invalid_model,
                folder.string() +
                    " is not a diffusers model folder: it has no model_index.json; "
                    "name the folder of a checkpoint that holds one",
                folder.string());
  const Json json =
      parse_json(read_file(file, kMaxIndexBytes), {.max_bytes = kMaxIndexBytes,
                                                   .max_depth = 8,
                                                   .source = file.string(),
                                                   .error = ErrorCode::invalid_model});
  ObjectReader reader(json, file.string(), ErrorCode::invalid_model);
  reader.require("_class_name");
  ModelIndex index{
      .folder = folder, .family = *reader.string("_class_name"), .components = {}, .options = {}};
  for (const auto& [name, value] : json.items()) {
    if (name.starts_with('_')) continue;
    const std::optional<Component> found = component(value);
    if (!found) {
      if (!value.is_null())
        index.options.emplace(name,
                              value.is_boolean() ? std::optional(value.get<bool>()) : std::nullopt);
      continue;
    }
    if (!is_plain_name(name))
      throw Error(ErrorCode::invalid_model,
                  file.string() + ": " + printable(name) + " cannot be a component's name", name);
    index.components.emplace(name, *found);
  }
  return index;
}

}  // namespace bafa::pipeline
