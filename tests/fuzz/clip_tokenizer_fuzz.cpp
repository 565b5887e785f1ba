// Any bytes as a prompt for each layout of CLIP's files: never more ids than there is room for,
// fewer only of a whole prompt, none beyond the vocabulary.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/text.h"
#include "text/clip_tokenizer.h"

namespace {

void check(const bafa::text::ClipTokenizer& tokenizer, std::string_view text) {
  const bafa::text::Tokens tokens = tokenizer.encode(text);
  const auto room = static_cast<std::size_t>(tokenizer.max_length());
  if (tokens.ids.size() < 2 || tokens.ids.size() > room) std::abort();
  if (tokens.truncated && tokens.ids.size() != room) std::abort();
  for (const std::int64_t id : tokens.ids)
    if (id < 0 || id >= tokenizer.vocabulary_size()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::array<bafa::text::ClipTokenizer, 3> kTokenizers{
      bafa::text::ClipTokenizer("tests/golden/data/clip/tokenizer"),
      bafa::text::ClipTokenizer("tests/golden/data/clip/tokenizer_2"),
      bafa::text::ClipTokenizer("tests/golden/data/clip/tokenizer_json")};
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (!bafa::is_utf8(text)) return 0;
  for (const auto& tokenizer : kTokenizers) check(tokenizer, text);
  return 0;
}
