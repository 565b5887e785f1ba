// XLM-RoBERTa's tokenizer: a sentencepiece unigram model under fairseq's numbering. Gives the ids
// of transformers 5's XLMRobertaTokenizer, whose special tokens are also found when they are typed
// in the text. One known difference: on some runs of combining marks the reference normalises
// grapheme by grapheme, and this class as the sentencepiece library does. Immutable; any thread.
#pragma once

#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace sentencepiece {
class SentencePieceProcessor;
}

namespace bafa::text {

// <s> X </s>, where X is cut to fit.
class XlmRobertaTokenizer final : public Tokenizer {
 public:
  // `folder` holds sentencepiece.bpe.model and tokenizer_config.json. Throws Error{invalid_model}
  // when they are absent or damaged, Error{unsupported_model} naming the key that bafa lacks.
  explicit XlmRobertaTokenizer(const std::filesystem::path& folder);
  ~XlmRobertaTokenizer() override;

  Tokens encode(std::string_view text) const override;
  int max_length() const override { return max_length_; }
  std::int64_t pad_id() const override;
  std::int64_t vocabulary_size() const override;

 private:
  void append(std::string_view plain, std::vector<std::int64_t>& ids) const;
  std::int64_t mask_id() const;

  std::unique_ptr<sentencepiece::SentencePieceProcessor> pieces_;
  int max_length_ = 0;
};

}  // namespace bafa::text
