#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "bafa/error.h"
#include "base/json.h"
#include "base/text.h"

namespace bafa {
namespace {

constexpr std::string_view kInteger = "must be an integer of at most 63 bits, such as 8";

std::optional<std::int64_t> exact_integer(const Json& value) {
  if (!value.is_number_integer()) return std::nullopt;
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX) return std::nullopt;
  return value.get<std::int64_t>();
}

}  // namespace

ObjectReader::ObjectReader(const Json& json, std::string context, std::optional<ErrorCode> error)
    : json_(json), context_(std::move(context)), error_(error) {
  if (!json.is_object()) {
    const std::string name = context_.empty() ? "the body" : context_;
    throw Error(error_.value_or(ErrorCode::invalid_value), name + " must be a JSON object",
                context_);
  }
}

std::optional<std::string> ObjectReader::string(std::string_view key) {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) refuse(key, "must be a string");
  return value->get<std::string>();
}

std::optional<bool> ObjectReader::boolean(std::string_view key) {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) refuse(key, "must be true or false");
  return value->get<bool>();
}

std::optional<std::int64_t> ObjectReader::integer(std::string_view key) {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto integer = exact_integer(*value);
  if (!integer) refuse(key, kInteger);
  return integer;
}

std::optional<std::int64_t> ObjectReader::integer_in(std::string_view key, std::int64_t min,
                                                     std::int64_t max) {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto integer = exact_integer(*value);
  if (!integer || *integer < min || *integer > max) {
    refuse(key, "must be an integer from " + std::to_string(min) + " to " + std::to_string(max));
  }
  return integer;
}

std::optional<double> ObjectReader::number(std::string_view key) {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) refuse(key, "must be a number");
  return value->get<double>();
}

std::optional<std::vector<std::int64_t>> ObjectReader::integers(std::string_view key) {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_array()) refuse(key, "must be an array of integers");
  std::vector<std::int64_t> integers;
  integers.reserve(value->size());
  for (const Json& element : *value) {
    const auto integer = exact_integer(element);
    if (!integer) refuse(key, "must be an array of integers");
    integers.push_back(*integer);
  }
  return integers;
}

std::optional<std::vector<std::string>> ObjectReader::strings(std::string_view key) {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_array()) refuse(key, "must be an array of strings");
  std::vector<std::string> strings;
  strings.reserve(value->size());
  for (const Json& element : *value) {
    if (!element.is_string()) refuse(key, "must be an array of strings");
    strings.push_back(element.get<std::string>());
  }
  return strings;
}

const Json* ObjectReader::any(std::string_view key) {
  asked_.emplace_back(key);
  const auto field = json_.find(key);
  return field == json_.end() ? nullptr : &*field;
}

void ObjectReader::require(std::string_view key) const {
  const auto field = json_.find(key);
  if (field == json_.end() || field->is_null()) {
    throw Error(error_.value_or(ErrorCode::missing_field), name_of(key) + " is required",
                name_of(key));
  }
}

std::vector<std::string> ObjectReader::unread() const {
  std::vector<std::string> unread;
  for (const auto& field : json_.items()) {
    if (std::ranges::find(asked_, field.key()) == asked_.end()) unread.push_back(field.key());
  }
  return unread;
}

void ObjectReader::refuse_unread() const {
  const auto keys = unread();
  if (keys.empty()) return;
  std::string shown = printable(keys.front());
  // The name is a stranger's, and somebody may put the message into a page.
  std::ranges::replace_if(shown, [](char c) { return c == '<' || c == '>'; }, '?');
  const std::string name = name_of(shown);
  const std::string nearest = nearest_word(keys.front(), asked_);
  const std::string hint = nearest.empty() ? "" : "; did you mean " + nearest + "?";
  throw Error(error_.value_or(ErrorCode::unknown_field), name + " is not a known field" + hint,
              name);
}

std::string ObjectReader::name_of(std::string_view key) const {
  return context_.empty() ? std::string(key) : context_ + ": " + std::string(key);
}

const Json* ObjectReader::find(std::string_view key) {
  const Json* value = any(key);
  return value != nullptr && value->is_null() ? nullptr : value;
}

void ObjectReader::refuse(std::string_view key, std::string_view expected) const {
  const std::string name = name_of(key);
  throw Error(error_.value_or(ErrorCode::invalid_value), name + " " + std::string(expected), name);
}

}  // namespace bafa
