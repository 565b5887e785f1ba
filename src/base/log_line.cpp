#include "base/log_line.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/json.h"

namespace bafa {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_plain(char c) {
  constexpr std::string_view kMarks = "._-:/+%*@,{}";
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         kMarks.find(c) != kMarks.npos;
}

bool all_plain(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_plain);
}

// As JSON writes one, without an exponent.
bool is_number(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  const auto digits = [&] {
    const auto end = std::ranges::find_if_not(text, is_digit);
    const auto count = static_cast<std::size_t>(end - text.begin());
    text.remove_prefix(count);
    return count;
  };
  const bool leading_zero = text.starts_with('0');
  const std::size_t whole = digits();
  if (whole == 0 || (leading_zero && whole > 1)) return false;
  if (text.empty()) return true;
  if (!text.starts_with('.')) return false;
  text.remove_prefix(1);
  return digits() > 0 && text.empty();
}

std::string quoted(std::string_view text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Takes the value at the front of `text`: in quotes as it stands, else up to the next blank.
std::optional<std::string> take_value(std::string_view& text) {
  std::size_t length = 0;
  if (text.starts_with('"')) {
    for (length = 1; length < text.size() && text[length] != '"'; ++length) {
      if (text[length] == '\\') ++length;
    }
    if (length >= text.size()) return std::nullopt;
    ++length;
  } else {
    length = std::min(text.find(' '), text.size());
  }
  const std::string_view value = text.substr(0, length);
  text.remove_prefix(length);
  const bool kept = value.starts_with('"') ? Json::accept(value) : is_number(value);
  if (kept) return std::string(value);
  if (!all_plain(value)) return std::nullopt;
  return quoted(value);
}

}  // namespace

LogLine& LogLine::add(std::string_view key, std::string_view value) {
  begin(key);
  text_ += all_plain(value) && !is_number(value) ? std::string(value) : quoted(value);
  return *this;
}

LogLine& LogLine::add(std::string_view key, double value, int decimals) {
  begin(key);
  text_ += fmt::format("{:.{}f}", value, decimals);
  return *this;
}

LogLine& LogLine::add_integer(std::string_view key, std::int64_t value) {
  begin(key);
  text_ += std::to_string(value);
  return *this;
}

void LogLine::begin(std::string_view key) {
  text_ += ' ';
  text_ += key;
  text_ += '=';
}

std::optional<std::string> json_members(std::string_view text) {
  const std::size_t name_length = std::min(text.find(' '), text.size());
  const std::string_view name = text.substr(0, name_length);
  if (!all_plain(name)) return std::nullopt;
  std::string members = "\"event\":" + quoted(name);
  text.remove_prefix(name_length);
  while (!text.empty()) {
    text.remove_prefix(1);  // a blank
    const std::size_t key_length = std::min(text.find('='), text.size());
    const std::string_view key = text.substr(0, key_length);
    if (key_length == text.size() || !all_plain(key)) return std::nullopt;
    text.remove_prefix(key_length + 1);
    const auto value = take_value(text);
    if (!value || !(text.empty() || text.starts_with(' '))) return std::nullopt;
    members += "," + quoted(key) + ":" + *value;
  }
  return members;
}

}  // namespace bafa
