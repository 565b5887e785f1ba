// model_index.json: which classes the parts of a diffusers folder are. Plain values; any thread.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace bafa::pipeline {

struct Component {
  std::string library;  // "diffusers", "transformers", ...
  std::string class_name;
};

struct ModelIndex {
  std::filesystem::path folder;
  std::string family;                                        // _class_name
  std::map<std::string, Component, std::less<>> components;  // without the absent ones

  // Other options of the reference's pipeline class; without a value: not true or false.
  std::map<std::string, std::optional<bool>, std::less<>> options;

  // Error{invalid_model} without it.
  const Component& at(std::string_view name) const;

  // An option that is true or false; Error{invalid_model} when it is something else.
  bool flag(std::string_view name, bool fallback) const;
};

// The file name, without its ending, that a component's library gives to weights; "" for components
// that have none.
std::string weights_stem(const std::string& name, const Component& component);

// Throws Error{invalid_model} when the folder has none or it is damaged.
ModelIndex read_model_index(const std::filesystem::path& folder);

}  // namespace bafa::pipeline
