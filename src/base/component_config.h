// The JSON file of one part of a checkpoint (unet/config.json, scheduler_config.json), read so that
// every key is either honoured or refused by name: nothing a config says is silently dropped. A
// plain object on the reader's stack; not shared between threads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace bafa {

struct IntegerLimits {
  std::int64_t min = 1;
  std::int64_t max = 1 << 20;
};

// A component's file as the reference reads it: infinite numbers, which Python writes as bare words
// and JSON lacks, become strings ("-Infinity"). Throws Error{io_error} without the file and
// Error{invalid_model} when it is not a JSON object.
Json read_component_json(const std::filesystem::path& file);

// Getters take the reference class's default, which stands for an absent key. A wrong type or a
// value out of its limits is Error{invalid_model} naming file and key. Keys that begin with '_' are
// notes.
class ComponentConfig {
 public:
  // Throws as read_component_json does.
  explicit ComponentConfig(const std::filesystem::path& file);
  ComponentConfig(Json json, std::string source);  // `source` names it in messages
  ComponentConfig(const ComponentConfig&) = delete;
  ComponentConfig& operator=(const ComponentConfig&) = delete;

  std::int64_t integer(std::string_view key, std::int64_t fallback, IntegerLimits limits = {});
  double number(std::string_view key, double fallback);
  bool boolean(std::string_view key, bool fallback);
  std::string string(std::string_view key, const std::string& fallback);
  std::vector<std::string> strings(std::string_view key, std::vector<std::string> fallback);
  std::vector<std::int64_t> integers(std::string_view key, std::vector<std::int64_t> fallback,
                                     IntegerLimits limits = {});

  // One integer for all of `count` blocks, or a list of exactly `count`.
  std::vector<std::int64_t> per_block(std::string_view key, std::int64_t fallback,
                                      std::size_t count, IntegerLimits limits = {});

  bool has(std::string_view key) const;      // present and not null
  const Json* any(std::string_view key);     // null when absent; the key counts as read
  const Json& all() const { return json_; }  // where the keys themselves are the data
  const std::string& source() const { return source_; }

  // The key must be absent, null or `only`: bafa knows no other value. Throws
  // Error{unsupported_model} naming the key and its value.
  void expect(std::string_view key, const Json& only);

  // Keys without a meaning for inference.
  void ignore(std::initializer_list<std::string_view> keys);

  // Throws Error{unsupported_model} naming the first key that nobody read. To be called last.
  void finish();

  // Error{unsupported_model} "source: key ...", for values that a reader checks itself.
  [[noreturn]] void refuse(std::string_view key, const std::string& why) const;
  // Error{invalid_model}.
  [[noreturn]] void refuse_invalid(std::string_view key, const std::string& why) const;

 private:
  std::int64_t within(std::string_view key, std::int64_t value, IntegerLimits limits) const;

  Json json_;
  std::string source_;
  ObjectReader reader_;
};

}  // namespace bafa
