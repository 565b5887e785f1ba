// Strict JSON, for bodies, configuration and checkpoint headers alike. parse_json refuses what a
// lenient parser lets through; ObjectReader reads fields with exact types and reports leftovers, so
// that nothing is wrapped, cut or silently ignored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bafa/error.h"

namespace bafa {

using Json = nlohmann::json;

struct JsonLimits {
  std::size_t max_bytes = 1 << 20;
  int max_depth = 32;
  std::size_t max_values = std::numeric_limits<std::size_t>::max();  // of all kinds, containers too
  std::string source{};  // put before the message when given: a file's path
  ErrorCode error =
      ErrorCode::invalid_json;  // what a refusal is called: a checkpoint's is invalid_model
};

// Throws Error{limits.error} for: more than max_bytes or max_values, deeper than max_depth,
// duplicate keys, NaN or Infinity, numbers that overflow a double, invalid UTF-8, lone surrogates,
// bytes after the value, nothing at all. The message gives the byte offset and never the text.
// Linear in time, and in memory at most some forty times the text.
Json parse_json(std::string_view text, const JsonLimits& limits = {});

// Reads one JSON object field by field. `context` names the object in errors ("unet/config.json").
// A getter returns nullopt for an absent field and for null; it throws Error{invalid_value} with
// the field's full name as param when the type is not exact: 1.9, true and "8" are no integers.
class ObjectReader {
 public:
  // `error`, when given, is thrown instead of every code named here (invalid_model for
  // checkpoints). Throws Error{invalid_value} when `json` is not an object. Keeps a reference.
  ObjectReader(const Json& json, std::string context, std::optional<ErrorCode> error = {});

  std::optional<std::string> string(std::string_view key);
  std::optional<bool> boolean(std::string_view key);
  std::optional<std::int64_t> integer(std::string_view key);  // 8.0 is not 8
  std::optional<double> number(std::string_view key);         // integers too; always finite
  std::optional<std::vector<std::int64_t>> integers(std::string_view key);
  std::optional<std::vector<std::string>> strings(std::string_view key);
  const Json* any(std::string_view key);  // null when absent; marks the field as read

  // As above with limits; every message about the field names them, also when the type is wrong.
  std::optional<std::int64_t> integer_in(std::string_view key, std::int64_t min, std::int64_t max);

  // Throws Error{missing_field} when `key` is absent or null.
  void require(std::string_view key) const;

  // Keys never asked for, in order of appearance in the sorted object.
  std::vector<std::string> unread() const;

  // Throws Error{unknown_field} naming the first unread key and the nearest known one.
  void refuse_unread() const;

  // "context: key", or the key alone when the context is empty (bodies of requests).
  std::string name_of(std::string_view key) const;

 private:
  const Json* find(std::string_view key);
  [[noreturn]] void refuse(std::string_view key, std::string_view expected) const;

  const Json& json_;
  std::string context_;
  std::optional<ErrorCode> error_;
  std::vector<std::string> asked_;
};

}  // namespace bafa
