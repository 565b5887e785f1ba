// What every tokenizer class takes from tokenizer_config.json and the legacy files beside it: the
// length of a prompt, and the special and other added tokens with the flags that decide where they
// are found in one. The rules are those of transformers 5.23's TokenizersBackend.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/component_config.h"
#include "text/added_tokens.h"
#include "text/vocabulary.h"

namespace bafa::text {

struct TokenizerDefaults {
  std::map<std::string, std::string> special;  // "bos_token" and so on, as the class has them
  std::vector<AddedToken> extra{};             // of the model file, when the config has none
  std::optional<int> max_length{};  // of a class whose pipeline does not ask model_max_length
};

struct TokenizerSettings {
  int max_length = 0;
  std::map<std::string, std::string> special;  // texts of the tokens that are set
  std::vector<std::string> extra;              // and of the special ones without a name
  std::vector<AddedToken> added;  // in the order in which they get ids; each text once, ids not set
};

// Reads the rest of `config` (tokenizer_config.json of `folder`) after the class has read its own
// keys, and lets finish() refuse what nobody knows. `tokenizer_json`: tokenizer.json, when that is
// where the vocabulary comes from. Throws Error{invalid_model} or Error{unsupported_model}.
TokenizerSettings read_tokenizer_settings(ComponentConfig& config,
                                          const std::filesystem::path& folder,
                                          const TokenizerDefaults& defaults,
                                          const std::optional<Json>& tokenizer_json = {});

// Gives each added token the id that the vocabulary has for it, or the next one behind its size.
// In the second form `find` looks into a vocabulary of that size.
void give_ids(const Vocabulary& vocabulary, std::vector<AddedToken>& added);
using FindId = std::function<std::optional<std::int64_t>(std::string_view)>;
void give_ids(const FindId& find, std::int64_t size, std::vector<AddedToken>& added);

// The largest id of either, plus one.
std::int64_t count_ids(const Vocabulary& vocabulary, const std::vector<AddedToken>& added);

}  // namespace bafa::text
