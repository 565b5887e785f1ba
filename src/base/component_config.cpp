#include "base/component_config.h"

#include <system_error>
#include <utility>

#include "bafa/error.h"
#include "base/files.h"
#include "base/text.h"

namespace bafa {
namespace {

constexpr std::size_t kMaxConfigBytes = 1 << 20;

// The bare words of Python's json module, where they stand outside of strings, in quotes.
std::string with_quoted_words(std::string_view text) {
  std::string quoted;
  bool in_string = false;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t taken = 1;
    bool is_word = false;
    if (text[at] == '"') in_string = !in_string;
    if (in_string && text[at] == '\\' && at + 1 < text.size()) taken = 2;
    for (const std::string_view word : {"-Infinity", "Infinity", "NaN"}) {
      if (in_string || !text.substr(at).starts_with(word)) continue;
      taken = word.size();
      is_word = true;
      break;
    }
    if (is_word) quoted += '"';
    quoted += text.substr(at, taken);
    if (is_word) quoted += '"';
    at += taken;
  }
  return quoted;
}

std::string value_text(const Json& value) { return printable(value.dump(), 64); }

}  // namespace

Json read_component_json(const std::filesystem::path& file) {
  std::error_code unknown;
  if (!std::filesystem::exists(file, unknown) && !unknown)
    throw Error(ErrorCode::invalid_model,
                file.string() + ": this file is missing; fetch the checkpoint again",
                file.string());
  Json json = parse_json(with_quoted_words(read_file(file, kMaxConfigBytes)),
                         {.max_bytes = kMaxConfigBytes,
                          .max_depth = 16,
                          .source = file.string(),
                          .error = ErrorCode::invalid_model});
  if (!json.is_object())
    throw Error(ErrorCode::invalid_model, file.string() + " must be a JSON object", file.string());
  return json;
}

ComponentConfig::ComponentConfig(const std::filesystem::path& file)
    : ComponentConfig(read_component_json(file), file.string()) {}

ComponentConfig::ComponentConfig(Json json, std::string source)
    : json_(std::move(json)),
      source_(std::move(source)),
      reader_(json_, source_, ErrorCode::invalid_model) {}

std::int64_t ComponentConfig::within(std::string_view key, std::int64_t value,
                                     IntegerLimits limits) const {
  if (value < limits.min || value > limits.max)
    refuse_invalid(key, "is " + std::to_string(value) + ", not within " +
                            std::to_string(limits.min) + " and " + std::to_string(limits.max));
  return value;
}

std::int64_t ComponentConfig::integer(std::string_view key, std::int64_t fallback,
                                      IntegerLimits limits) {
  return within(key, reader_.integer(key).value_or(fallback), limits);
}

double ComponentConfig::number(std::string_view key, double fallback) {
  return reader_.number(key).value_or(fallback);
}

bool ComponentConfig::boolean(std::string_view key, bool fallback) {
  return reader_.boolean(key).value_or(fallback);
}

std::string ComponentConfig::string(std::string_view key, const std::string& fallback) {
  return reader_.string(key).value_or(fallback);
}

std::vector<std::string> ComponentConfig::strings(std::string_view key,
                                                  std::vector<std::string> fallback) {
  return reader_.strings(key).value_or(std::move(fallback));
}

std::vector<std::int64_t> ComponentConfig::integers(std::string_view key,
                                                    std::vector<std::int64_t> fallback,
                                                    IntegerLimits limits) {
  std::vector<std::int64_t> values = reader_.integers(key).value_or(std::move(fallback));
  for (const std::int64_t value : values) within(key, value, limits);
  return values;
}

std::vector<std::int64_t> ComponentConfig::per_block(std::string_view key, std::int64_t fallback,
                                                     std::size_t count, IntegerLimits limits) {
  const Json* value = reader_.any(key);
  if (value == nullptr || value->is_null() || !value->is_array())
    return std::vector<std::int64_t>(count, integer(key, fallback, limits));
  std::vector<std::int64_t> values = integers(key, {}, limits);
  if (values.size() != count)
    refuse_invalid(key, "has " + std::to_string(values.size()) + " entries for " +
                            std::to_string(count) + " blocks");
  return values;
}

bool ComponentConfig::has(std::string_view key) const {
  const auto found = json_.find(key);
  return found != json_.end() && !found->is_null();
}

const Json* ComponentConfig::any(std::string_view key) { return reader_.any(key); }

void ComponentConfig::expect(std::string_view key, const Json& only) {
  const Json* value = reader_.any(key);
  if (value == nullptr || value->is_null() || *value == only) return;
  refuse(key, "is " + value_text(*value) + "; bafa knows only " + value_text(only));
}

void ComponentConfig::ignore(std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) reader_.any(key);
}

void ComponentConfig::finish() {
  for (const std::string& key : reader_.unread())
    if (!key.starts_with('_')) refuse(key, "is not known to bafa");
}

void ComponentConfig::refuse(std::string_view key, const std::string& why) const {
  throw Error(ErrorCode::unsupported_model, source_ + ": " + printable(key) + " " + why,
              std::string(key));
}

void ComponentConfig::refuse_invalid(std::string_view key, const std::string& why) const {
  throw Error(ErrorCode::invalid_model, source_ + ": " + printable(key) + " " + why,
              std::string(key));
}

}  // namespace bafa
