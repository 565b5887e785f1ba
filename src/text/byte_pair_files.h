// The files of a byte-pair tokenizer, as transformers 5 chooses them: tokenizer.json, of which it
// takes the vocabulary, the merges and the added tokens, or else vocab.json and merges.txt.
#pragma once

#include <filesystem>
#include <optional>

#include "base/json.h"
#include "text/byte_pairs.h"

namespace bafa::text {

// tokenizer.json, when the folder has one. Throws Error{invalid_model} when it is damaged.
std::optional<Json> read_tokenizer_json(const std::filesystem::path& folder);

// `tokenizer_json` is what read_tokenizer_json gave. Throws Error{invalid_model} naming file and
// place for what is absent or damaged.
BytePairFiles read_byte_pair_files(const std::filesystem::path& folder,
                                   const std::optional<Json>& tokenizer_json);

}  // namespace bafa::text
