// From a prompt to the ids that a text encoder is fed. Called by the device thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/component_config.h"
#include "pipeline/parts.h"
#include "text/tokenizer.h"

namespace bafa::pipeline {

// Ids padded to the tokenizer's length, their number without padding, and whether some were cut;
// no embeddings yet.
EncodedPrompt tokenize(const text::Tokenizer& tokenizer, const std::string& prompt);

// What a text encoder has room for.
struct TokenTables {
  std::int64_t vocabulary_size = 0;
  std::int64_t max_tokens = 0;
};

// The tables of an encoder must have a row for everything that its tokenizer can give. `json` is
// the encoder's config. Throws Error{invalid_model}.
void check_tokens_fit(const ComponentConfig& json, const TokenTables& tables,
                      const text::Tokenizer& tokenizer);

// The width of an encoder's output must be what the U-Net attends to; `key` names it in `json`.
struct TextWidth {
  std::int64_t features = 0;
  std::int64_t unet_features = 0;
};
void check_width_fits(const ComponentConfig& json, const char* key, const TextWidth& width);

}  // namespace bafa::pipeline
