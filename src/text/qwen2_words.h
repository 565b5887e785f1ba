// How Qwen2's tokenizer cuts a text before it looks at bytes. Pure; any thread.
#pragma once

#include <string_view>
#include <vector>

namespace bafa::text {

// The matches of transformers' PRETOKENIZE_REGEX (models/qwen2/tokenization_qwen2.py), which leave
// nothing out: they view `text`, normalised UTF-8, from end to end.
std::vector<std::string_view> words_of_qwen2(std::string_view text);

}  // namespace bafa::text
