// Small facts about UTF-8 text and words.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace bafa {

// How many bytes from the start are well-formed UTF-8: no overlong forms, no surrogates, nothing
// beyond U+10FFFF.
std::size_t valid_utf8_bytes(std::string_view text);

inline bool is_utf8(std::string_view text) { return valid_utf8_bytes(text) == text.size(); }

// For messages: at most `max_bytes`, cut at a character boundary; control characters, bidirectional
// overrides and invalid bytes are replaced by '?'.
std::string printable(std::string_view text, std::size_t max_bytes = 64);

// The known word with the smallest edit distance (at most 3, or a third of the word), or "".
std::string nearest_word(std::string_view word, const std::vector<std::string>& known);

}  // namespace bafa
