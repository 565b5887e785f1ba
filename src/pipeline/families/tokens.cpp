#include "pipeline/families/tokens.h"

#include <utility>

namespace bafa::pipeline {

EncodedPrompt tokenize(const text::Tokenizer& tokenizer, const std::string& prompt) {
  text::Tokens tokens = tokenizer.encode(prompt);
  EncodedPrompt encoded;
  encoded.tokens = static_cast<int>(tokens.ids.size());
  encoded.truncated = tokens.truncated;
  encoded.token_ids = std::move(tokens.ids);
  encoded.token_ids.resize(static_cast<std::size_t>(tokenizer.max_length()), tokenizer.pad_id());
  return encoded;
}

void check_tokens_fit(const ComponentConfig& json, const TokenTables& tables,
                      const text::Tokenizer& tokenizer) {
  if (tables.vocabulary_size < tokenizer.vocabulary_size())
    json.refuse_invalid("vocab_size", "is below the tokenizer's " +
                                          std::to_string(tokenizer.vocabulary_size()) + " ids");
  if (tables.max_tokens < tokenizer.max_length())
    json.refuse_invalid("max_position_embeddings",
                        "leaves no room for the tokenizer's model_max_length of " +
                            std::to_string(tokenizer.max_length()) + " tokens");
}

void check_width_fits(const ComponentConfig& json, const char* key, const TextWidth& width) {
  if (width.features == width.unet_features) return;
  json.refuse_invalid(key, "gives " + std::to_string(width.features) +
                               " features where the unet's cross_attention_dim is " +
                               std::to_string(width.unet_features));
}

}  // namespace bafa::pipeline
