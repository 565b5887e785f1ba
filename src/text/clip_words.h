// How CLIP's tokenizer sees a text before it looks at bytes. Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bafa::text {

// NFC, one space for any run of them, lower case.
std::string normalized_for_clip(std::string_view text);

// The words of normalised text, without the spaces between: runs of letters, single numbers, runs
// of anything else, and the endings 's 't 're 've 'm 'll 'd. They view `text`.
std::vector<std::string_view> words_of_clip(std::string_view text);

}  // namespace bafa::text
