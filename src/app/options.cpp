#include "app/options.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "bafa/error.h"
#include "base/bytes.h"
#include "base/files.h"
#include "base/text.h"

namespace bafa::app {
namespace {

constexpr std::size_t kMaxFileBytes = 1 << 20;

[[noreturn]] void refuse(std::string_view path, const std::string& expected) {
  const std::string name(path);
  throw Error(ErrorCode::invalid_config, name + " " + expected, name);
}

[[noreturn]] void refuse_unknown(std::string_view path, const std::vector<Option>& known) {
  std::vector<std::string> names;
  for (const Option& option : known) names.emplace_back(option.path);
  const std::string nearest = nearest_word(path, names);
  refuse(printable(path),
         "is not a known option" + (nearest.empty() ? "" : "; did you mean " + nearest + "?"));
}

const Option& find(const std::vector<Option>& options, std::string_view path) {
  const auto found = std::ranges::find(options, path, &Option::path);
  if (found == options.end()) refuse_unknown(path, options);
  return *found;
}

std::optional<std::int64_t> exact_integer(const Json& value) {
  if (!value.is_number_integer()) return std::nullopt;
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX) return std::nullopt;
  return value.get<std::int64_t>();
}

std::int64_t checked(const Option& option, std::optional<std::int64_t> value,
                     const std::string& kind) {
  if (value && *value >= option.min && *value <= option.max) return *value;
  const std::string range = option.max == INT64_MAX ? "of at least " + std::to_string(option.min)
                                                    : "from " + std::to_string(option.min) +
                                                          " to " + std::to_string(option.max);
  refuse(option.path, "must be " + kind + " " + range);
}

// Writes one value through the option's pointer, or refuses it.
struct Assign {
  const Option& option;
  const Json& value;

  void operator()(std::string* target) const {
    if (!value.is_string()) refuse(option.path, "must be a string");
    const auto text = value.get<std::string>();
    if (!option.choices.empty() &&
        std::ranges::find(option.choices, text) == option.choices.end()) {
      std::string list;
      for (const std::string_view one : option.choices) {
        list += (list.empty() ? "" : ", ") + std::string(one);
      }
      refuse(option.path, "must be one of " + list);
    }
    *target = text;
  }
  void operator()(bool* target) const {
    if (!value.is_boolean()) refuse(option.path, "must be true or false");
    *target = value.get<bool>();
  }
  void operator()(int* target) const {
    *target = static_cast<int>(checked(option, exact_integer(value), "an integer"));
  }
  void operator()(std::int64_t* target) const {
    *target = checked(option, exact_integer(value), "an integer");
  }
  void operator()(std::uint64_t* target) const {
    const auto bytes =
        value.is_string() ? parse_bytes(value.get<std::string>()) : exact_integer(value);
    *target = static_cast<std::uint64_t>(
        checked(option, bytes, "a number of bytes (such as 1048576 or \"1MiB\")"));
  }
  void operator()(std::chrono::seconds* target) const {
    *target = std::chrono::seconds(checked(option, exact_integer(value), "whole seconds"));
  }
  void operator()(std::vector<std::string>* target) const {
    const bool strings = value.is_array() && std::ranges::all_of(value, &Json::is_string);
    if (!strings) refuse(option.path, "must be an array of strings");
    *target = value.get<std::vector<std::string>>();
  }
};

void assign_json(const Option& option, const Json& value) {
  std::visit(Assign{option, value}, option.target);
}

Json split(std::string_view text) {
  Json parts = Json::array();
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    if (comma > 0) parts.push_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return parts;
}

// What a command line's text is in a file, so that both are checked in one place.
Json json_of(const Option& option, std::string_view text) {
  if (std::holds_alternative<std::string*>(option.target)) return text;
  if (std::holds_alternative<std::uint64_t*>(option.target)) return text;
  if (std::holds_alternative<std::vector<std::string>*>(option.target)) return split(text);
  try {
    return parse_json(text);
  } catch (const Error&) {
    return text;  // a string, which the option refuses in its own words
  }
}

struct Show {
  nlohmann::ordered_json operator()(const std::chrono::seconds* value) const {
    return value->count();
  }
  template <typename T>
  nlohmann::ordered_json operator()(const T* value) const {
    return *value;
  }
};

}  // namespace

void assign(Config& config, std::string_view path, std::string_view text) {
  const auto options = options_of(config);
  const Option& option = find(options, path);
  assign_json(option, json_of(option, text));
}

void assign_all(Config& config, const Json& document, const std::string& source) {
  if (!document.is_object()) refuse(source, "must hold a JSON object");
  const auto options = options_of(config);
  for (const auto& section : document.items()) {
    if (!section.value().is_object()) {
      const std::string prefix = section.key() + ".";
      const bool known = std::ranges::any_of(
          options, [&](const Option& option) { return option.path.starts_with(prefix); });
      if (!known) refuse_unknown(section.key(), options);
      refuse(source + ": " + section.key(), "must be a JSON object");
    }
    for (const auto& field : section.value().items()) {
      assign_json(find(options, section.key() + "." + field.key()), field.value());
    }
  }
}

void read_config_file(Config& config, const std::filesystem::path& file) {
  const Json document = parse_json(read_file(file, kMaxFileBytes),
                                   {.source = file.string(), .error = ErrorCode::invalid_config});
  assign_all(config, document, file.string());
}

std::string to_json(const Config& config) {
  Config copy = config;
  nlohmann::ordered_json document;
  for (const Option& option : options_of(copy)) {
    const std::size_t dot = option.path.find('.');
    const std::string section(option.path.substr(0, dot));
    const std::string key(option.path.substr(dot + 1));
    document[section][key] = std::visit(Show{}, option.target);
  }
  return document.dump(2) + "\n";
}

std::string shown(const Option& option) {
  const nlohmann::ordered_json value = std::visit(Show{}, option.target);
  if (value.is_string()) return value.get<std::string>();
  if (value.is_array()) return value.empty() ? "" : value.dump();
  return value.dump();
}

}  // namespace bafa::app
