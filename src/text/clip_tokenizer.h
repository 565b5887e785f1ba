// CLIP's tokenizer: lower-cased words, cut into byte pairs. Gives the ids of transformers 5.23's
// CLIPTokenizer (its CLIPTokenizerFast is the same class), which builds its normaliser and splitter
// in code and takes from the files only vocabulary, merges, special and added tokens: NFC, one
// space for any run of spaces, lower case; no removed control characters and no spaces round
// Chinese, as transformers 4 without ftfy has them, and no mended text, as ftfy would. Immutable;
// any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "text/added_tokens.h"
#include "text/byte_pairs.h"
#include "text/tokenizer.h"
#include "text/tokenizer_settings.h"

namespace bafa::text {

// <|startoftext|> X <|endoftext|>, where X is cut to fit.
class ClipTokenizer final : public Tokenizer {
 public:
  // `folder` holds tokenizer_config.json and either tokenizer.json or vocab.json and merges.txt.
  // Throws Error{invalid_model} when they are absent or damaged, Error{unsupported_model} naming
  // the key that bafa lacks.
  explicit ClipTokenizer(const std::filesystem::path& folder, TokenizerOptions options = {});

  Tokens encode(std::string_view text) const override;
  int max_length() const override { return max_length_; }
  std::int64_t pad_id() const override { return pad_id_; }
  std::int64_t vocabulary_size() const override { return vocabulary_size_; }

 private:
  struct Files;
  ClipTokenizer(Files files, TokenizerOptions options);

  BytePairs pairs_;
  AddedTokens added_;
  int max_length_ = 0;
  std::int64_t begin_id_ = 0;
  std::int64_t end_id_ = 0;
  std::int64_t pad_id_ = 0;
  std::int64_t vocabulary_size_ = 0;
};

}  // namespace bafa::text
