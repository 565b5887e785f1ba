// One event of the log: a short name, then key=value pairs, kept as the text that the text log
// shows. A string that is not plain, or looks like a number, stands in JSON's quotes; so the JSON
// log can turn the same text back into fields without guessing.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bafa {

class LogLine {
 public:
  explicit LogLine(std::string_view event) : text_(event) {}

  LogLine& add(std::string_view key, std::string_view value);
  LogLine& add(std::string_view key, double value, int decimals = 3);
  LogLine& add(std::string_view key, std::integral auto value) {
    return add_integer(key, static_cast<std::int64_t>(value));
  }

  const std::string& text() const { return text_; }

 private:
  LogLine& add_integer(std::string_view key, std::int64_t value);
  void begin(std::string_view key);

  std::string text_;
};

// The members of a JSON object, without braces, that say what a LogLine's text says:
// "event":"job.succeeded","steps":8. nullopt for any other text.
std::optional<std::string> json_members(std::string_view text);

}  // namespace bafa
