#include "text/clip_words.h"

#include <array>
#include <cstddef>

#include "text/character_kind.h"
#include "text/unicode.h"

namespace bafa::text {
namespace {

// Bytes of what the reference's pattern matches before it looks for runs.
std::size_t fixed_word(std::string_view text) {
  constexpr std::array<std::string_view, 7> kEndings{"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
  for (const std::string_view ending : kEndings)
    if (text.starts_with(ending)) return ending.size();
  return 0;
}

// The names of the special tokens, where they were not found as such, are words that the
// reference's second pattern takes apart again: only the brackets at their ends differ from other
// text.
std::size_t spelt_token(std::string_view text) {
  for (const std::string_view token : {"<|startoftext|>", "<|endoftext|>"})
    if (text.starts_with(token)) return token.size();
  return 0;
}

}  // namespace

std::string normalized_for_clip(std::string_view text) {
  const std::string composed = nfc(text);
  std::string result;
  result.reserve(composed.size());
  bool in_space = false;
  for (std::size_t at = 0; at < composed.size();) {
    const char32_t c = next_character(composed, at);
    const bool space = is_space(c);
    if (!space)
      append_lower(c, result);
    else if (!in_space)
      result += ' ';
    in_space = space;
  }
  return result;
}

std::vector<std::string_view> words_of_clip(std::string_view text) {
  std::vector<std::string_view> words;
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view rest = text.substr(at);
    if (const std::size_t size = spelt_token(rest); size != 0) {
      words.insert(words.end(),
                   {rest.substr(0, 2), rest.substr(2, size - 4), rest.substr(size - 2, 2)});
      at += size;
      continue;
    }
    const Character first = character_at(text, at);
    std::size_t end = at + fixed_word(rest);
    if (end == at)
      end = first.kind == CharacterKind::number ? first.end : run_end(text, first.end, first.kind);
    if (first.kind != CharacterKind::space) words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

}  // namespace bafa::text
