#include "text/qwen2_words.h"

#include <array>
#include <cstddef>
#include <cstdint>

#include "text/character_kind.h"

namespace bafa::text {
namespace {

using Kind = CharacterKind;

bool is_line_end(char32_t c) { return c == U'\r' || c == U'\n'; }

// The alternatives of the pattern in their order. Each gives the end of its match at `at`, or `at`
// itself when there is none.

// (?i:'s|'t|'re|'ve|'m|'ll|'d). Ignoring case, an s may also be the long one, U+017F.
std::size_t ending(std::string_view text, std::size_t at) {
  constexpr std::array<std::u32string_view, 7> kEndings{U"s", U"t",  U"re", U"ve",
                                                        U"m", U"ll", U"d"};
  if (text[at] != '\'') return at;
  for (const std::u32string_view letters : kEndings) {
    std::size_t end = at + 1;
    bool same = true;
    for (const char32_t letter : letters) {
      const char32_t c = end < text.size() ? next_character(text, end) : 0;
      const bool long_s = letter == U's' && c == U'\u017F';
      same = same && (c == letter || c == letter - U'a' + U'A' || long_s);
    }
    if (same) return end;
  }
  return at;
}

// [^\r\n\p{L}\p{N}]?\p{L}+
std::size_t word(std::string_view text, std::size_t at) {
  const Character first = character_at(text, at);
  if (first.kind == Kind::letter) return run_end(text, first.end, Kind::letter);
  if (first.kind == Kind::number || is_line_end(first.code)) return at;
  const std::size_t end = run_end(text, first.end, Kind::letter);
  return end == first.end ? at : end;
}

// \p{N}
std::size_t number(std::string_view text, std::size_t at) {
  const Character first = character_at(text, at);
  return first.kind == Kind::number ? first.end : at;
}

// " ?[^\s\p{L}\p{N}]+[\r\n]*"
std::size_t signs(std::string_view text, std::size_t at) {
  const std::size_t begin = text[at] == ' ' ? at + 1 : at;
  std::size_t end = run_end(text, begin, Kind::other);
  if (end == begin) return at;
  while (end < text.size() && is_line_end(static_cast<unsigned char>(text[end]))) ++end;
  return end;
}

// \s*[\r\n]+|\s+(?!\S)|\s+: up to the last line's end among these spaces; else all of them, but
// for the last where something follows it.
std::size_t spaces(std::string_view text, std::size_t at) {
  std::size_t line_end = at;
  std::size_t last = at;  // where the last space begins
  std::size_t end = at;
  while (end < text.size()) {
    const Character next = character_at(text, end);
    if (next.kind != Kind::space) break;
    if (is_line_end(next.code)) line_end = next.end;
    last = end;
    end = next.end;
  }
  if (line_end != at) return line_end;
  return end == text.size() || last == at ? end : last;
}

}  // namespace

std::vector<std::string_view> words_of_qwen2(std::string_view text) {
  std::vector<std::string_view> words;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    for (const auto alternative : {ending, word, number, signs, spaces})
      if (end == at) end = alternative(text, at);
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

}  // namespace bafa::text
