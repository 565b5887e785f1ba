// Small facts about UTF-8 text.
#pragma once

#include <string>
#include <string_view>

namespace bafa {

// True for well-formed UTF-8: no overlong forms, no surrogates, nothing beyond U+10FFFF.
bool is_utf8(std::string_view text);

// For messages: at most `max_bytes`, control characters and invalid bytes replaced by '?', cut at a
// character boundary.
std::string printable(std::string_view text, std::size_t max_bytes = 64);

}  // namespace bafa
