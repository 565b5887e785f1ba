// XLM-RoBERTa's tokenizer: a sentencepiece unigram model under fairseq's numbering. Gives the ids
// of transformers 5.23's XLMRobertaTokenizer, which reads the model file into the tokenizers
// library. The sentencepiece library reads it here, and normalises; what is left to our own code is
// where the two libraries differ: text/grapheme_normalizer.h, text/unigram.h, and special tokens,
// which the reference finds where they are typed. Immutable; any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "text/added_tokens.h"
#include "text/tokenizer.h"
#include "text/unigram.h"

namespace bafa::text {

// <s> X </s>, where X is cut to fit.
class XlmRobertaTokenizer final : public Tokenizer {
 public:
  // `folder` holds sentencepiece.bpe.model and tokenizer_config.json. Throws Error{invalid_model}
  // when they are absent or damaged, Error{unsupported_model} naming the key that bafa lacks.
  explicit XlmRobertaTokenizer(const std::filesystem::path& folder, TokenizerOptions options = {});

  Tokens encode(std::string_view text) const override;
  int max_length() const override { return max_length_; }
  std::int64_t pad_id() const override;
  std::int64_t vocabulary_size() const override { return vocabulary_size_; }

 private:
  struct Files;
  XlmRobertaTokenizer(const Files& files, TokenizerOptions options);

  Unigram pieces_;
  AddedTokens added_;
  int max_length_ = 0;
  std::int64_t vocabulary_size_ = 0;
};

}  // namespace bafa::text
