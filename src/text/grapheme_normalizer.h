// How transformers 5 (tokenizers 0.23.3) normalises with a sentencepiece model: grapheme by
// grapheme, one of less than six bytes as a whole. The library alone takes the longest entries of
// its table across the text, and differs on combining marks: "ｅ" with an acute is e here, the
// mark being lost, and é there; "e" with three marks stays four characters here. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "text/sentencepiece_model.h"

namespace bafa::text {

// `text` is UTF-8, and so is the result.
std::string normalize_graphemes(const SentencePieceModel& model, std::string_view text);

}  // namespace bafa::text
