// Any bytes as a sentencepiece model: refused or understood, and what is understood normalises text
// to text.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "bafa/error.h"
#include "base/text.h"
#include "text/grapheme_normalizer.h"
#include "text/sentencepiece_model.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const bafa::text::SentencePieceModel model(
        std::string(reinterpret_cast<const char*>(data), size), "fuzz");
    std::string text = "a\u0301 \uff21\u4e00\r\n\U0001F34E";
    for (int piece = 0; piece < model.size(); ++piece) {
      if (model.is_added(piece) && model.find(model.text(piece)) != piece) std::abort();
      text += model.text(piece);
    }
    text.resize(bafa::valid_utf8_bytes(text.substr(0, 4096)));
    if (!bafa::is_utf8(normalize_graphemes(model, text))) std::abort();
  } catch (const bafa::Error& error) {
    if (error.code() != bafa::ErrorCode::invalid_model) std::abort();
  }
  return 0;
}
