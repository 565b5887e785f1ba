// Qwen2's tokenizer, a byte-level byte-pair encoding, over prompts that are put into Qwen3's chat
// template as its text encoder wants them: one message of a user, and the beginning of an answer.
// Gives the ids of transformers 5.23's apply_chat_template and Qwen2Tokenizer, which takes from the
// files only vocabulary, merges, special and added tokens. Immutable; any thread.
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

// The first 512 ids of "<|im_start|>user\nX<|im_end|>\n<|im_start|>assistant\n": of a prompt that
// is too long the template's end is cut as well.
class Qwen2Tokenizer final : public Tokenizer {
 public:
  // What the reference's pipeline asks for, whatever the tokenizer's files say.
  static constexpr int kMaxLength = 512;

  // `folder` holds tokenizer_config.json and either tokenizer.json or vocab.json and merges.txt.
  // Throws Error{invalid_model} when they are absent or damaged, Error{unsupported_model} naming
  // the key that bafa lacks.
  explicit Qwen2Tokenizer(const std::filesystem::path& folder, TokenizerOptions options = {});

  Tokens encode(std::string_view text) const override;
  int max_length() const override { return kMaxLength; }
  std::int64_t pad_id() const override { return pad_id_; }
  std::int64_t vocabulary_size() const override { return vocabulary_size_; }

 private:
  struct Files;
  Qwen2Tokenizer(Files files, TokenizerOptions options);

  void append(std::string_view normalized, std::vector<std::int64_t>& ids) const;

  TokenizerOptions options_;
  BytePairs pairs_;
  AddedTokens added_;
  std::int64_t begin_id_ = 0;  // of a message
  std::int64_t end_id_ = 0;
  std::int64_t pad_id_ = 0;
  std::int64_t vocabulary_size_ = 0;
};

}  // namespace bafa::text
