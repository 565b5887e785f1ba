// Prompt text to token ids, as the reference tokenizer of the checkpoint's class gives them.
// Immutable after construction: encode() may be called from any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace bafa::text {

struct Tokens {
  std::vector<std::int64_t> ids;  // special tokens included, no padding
  bool truncated = false;         // the text was longer than max_length() takes; its end was cut
};

// `ids` with `end` behind them, cut so that there are no more than `max_length` in all.
Tokens ended(std::vector<std::int64_t> ids, std::int64_t end, int max_length);

// Whether a prompt that spells one of the vocabulary's special or added tokens is given that token,
// as the reference does, or only its letters: then no stranger can write what the model takes for
// the end of a prompt.
enum class SpecialTokens { match, plain };

struct TokenizerOptions {
  SpecialTokens special_tokens = SpecialTokens::match;
};

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // `text` must be UTF-8. Never more than max_length() ids.
  virtual Tokens encode(std::string_view text) const = 0;

  virtual int max_length() const = 0;       // ids the text encoder is fed, special ones included
  virtual std::int64_t pad_id() const = 0;  // fills up to max_length()
  virtual std::int64_t vocabulary_size() const = 0;  // every id is below it
};

// `folder` is the tokenizer's own folder, `class_name` what model_index.json calls it.
// Throws Error{unsupported_model} for an unknown class, Error{invalid_model} for damaged files.
std::unique_ptr<Tokenizer> load_tokenizer(const std::filesystem::path& folder,
                                          const std::string& class_name,
                                          TokenizerOptions options = {});

}  // namespace bafa::text
