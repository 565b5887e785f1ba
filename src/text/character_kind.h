// What the splitters of byte-pair tokenizers tell apart in a text, and runs of it. Pure functions;
// any thread.
#pragma once

#include <cstddef>
#include <string_view>

#include "text/unicode.h"

namespace bafa::text {

enum class CharacterKind { space, letter, number, other };

inline CharacterKind kind_of(char32_t c) {
  if (is_space(c)) return CharacterKind::space;
  if (is_letter(c)) return CharacterKind::letter;
  return is_number(c) ? CharacterKind::number : CharacterKind::other;
}

struct Character {
  CharacterKind kind = CharacterKind::space;
  char32_t code = 0;
  std::size_t end = 0;  // byte behind it
};

// `at` is the beginning of a character in the UTF-8 `text`.
inline Character character_at(std::string_view text, std::size_t at) {
  const char32_t c = next_character(text, at);
  return {kind_of(c), c, at};
}

// Behind the last of the characters of this kind that follow one another from `at` on.
inline std::size_t run_end(std::string_view text, std::size_t at, CharacterKind kind) {
  while (at < text.size()) {
    const Character next = character_at(text, at);
    if (next.kind != kind) break;
    at = next.end;
  }
  return at;
}

}  // namespace bafa::text
