// Any bytes as a prompt: never more ids than there is room for, none beyond the vocabulary; and
// with special tokens as plain text no other control token than the template's.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/text.h"
#include "text/qwen2_tokenizer.h"

namespace {

constexpr const char* kFolder = "tests/golden/data/z_image/tokenizer";

void check(const bafa::text::Qwen2Tokenizer& tokenizer, const bafa::text::Tokens& tokens) {
  const auto room = static_cast<std::size_t>(tokenizer.max_length());
  if (tokens.ids.size() > room || (tokens.truncated && tokens.ids.size() != room)) std::abort();
  for (const std::int64_t id : tokens.ids)
    if (id < 0 || id >= tokenizer.vocabulary_size()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bafa::text::Qwen2Tokenizer kMatching(kFolder);
  static const bafa::text::Qwen2Tokenizer kPlain(
      kFolder, {.special_tokens = bafa::text::SpecialTokens::plain});
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (!bafa::is_utf8(text)) return 0;
  check(kMatching, kMatching.encode(text));
  const bafa::text::Tokens plain = kPlain.encode(text);
  check(kPlain, plain);
  // The added tokens come behind the vocabulary, the padding first.
  const auto controls =
      std::ranges::count_if(plain.ids, [](std::int64_t id) { return id >= kPlain.pad_id(); });
  if (controls > 3 || (!plain.truncated && controls != 3)) std::abort();
  return 0;
}
