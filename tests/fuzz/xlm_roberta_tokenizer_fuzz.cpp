// Any bytes as a prompt: never more ids than there is room for, none beyond the vocabulary.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/text.h"
#include "text/xlm_roberta_tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bafa::text::XlmRobertaTokenizer kTokenizer(
      "tests/golden/data/alt_diffusion/tokenizer");
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (!bafa::is_utf8(text)) return 0;
  const bafa::text::Tokens tokens = kTokenizer.encode(text);
  if (tokens.ids.size() < 2 ||
      tokens.ids.size() > static_cast<std::size_t>(kTokenizer.max_length()))
    std::abort();
  for (const std::int64_t id : tokens.ids)
    if (id < 0 || id >= kTokenizer.vocabulary_size()) std::abort();
  return 0;
}
