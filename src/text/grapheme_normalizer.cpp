#include "text/grapheme_normalizer.h"

#include <cstddef>

#include "text/unicode.h"

namespace bafa::text {
namespace {

constexpr std::size_t kWholeGraphemeBytes = 6;  // below this many

// Whether the model's table has an entry for all of `text`, given that it has none for a shorter
// beginning: then, and only then, the text becomes something else than its first character and what
// the rest becomes alone. The library leaves entries for which that is the same out of its tables.
bool is_entry(const SentencePieceModel& model, std::string_view text) {
  std::size_t first = 0;
  next_character(text, first);
  std::string in_parts(text.substr(0, first));
  in_parts += model.normalize(text.substr(first));
  return model.normalize(text) != in_parts;
}

void append_grapheme(const SentencePieceModel& model, std::string_view grapheme,
                     std::string& result) {
  if (grapheme.size() < kWholeGraphemeBytes) {
    // The shortest entry that the grapheme begins with replaces all of it.
    for (std::size_t end = 0; end < grapheme.size();) {
      next_character(grapheme, end);
      const std::string_view beginning = grapheme.substr(0, end);
      if (!is_entry(model, beginning)) continue;
      result += model.normalize(beginning);
      return;
    }
  }
  for (std::size_t end = 0; end < grapheme.size();) {
    const std::size_t begin = end;
    next_character(grapheme, end);
    result += model.normalize(grapheme.substr(begin, end - begin));
  }
}

}  // namespace

std::string normalize_graphemes(const SentencePieceModel& model, std::string_view text) {
  std::string result;
  std::size_t begin = 0;
  for (const std::size_t end : grapheme_ends(text)) {
    append_grapheme(model, text.substr(begin, end - begin), result);
    begin = end;
  }
  return result;
}

}  // namespace bafa::text
