#include "text/clip_tokenizer.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "base/component_config.h"
#include "text/byte_pair_files.h"
#include "text/clip_words.h"

namespace bafa::text {
namespace {

constexpr std::string_view kEnd = "<|endoftext|>";

TokenizerSettings read_settings(const std::filesystem::path& folder,
                                const std::optional<Json>& tokenizer_json) {
  ComponentConfig config(folder / "tokenizer_config.json");
  // The class does not ask: it always lower-cases, adds both ends, and puts no space before.
  config.ignore({"add_prefix_space", "do_lower_case", "errors", "add_bos_token", "add_eos_token"});
  const std::string end(kEnd);
  TokenizerSettings settings =
      read_tokenizer_settings(config, folder,
                              {.special = {{"bos_token", "<|startoftext|>"},
                                           {"eos_token", end},
                                           {"unk_token", end},
                                           {"pad_token", end}}},
                              tokenizer_json);
  for (const char* key : {"bos_token", "eos_token", "unk_token", "pad_token"})
    if (settings.special[key].empty()) config.refuse_invalid(key, "is null or empty");
  return settings;
}

}  // namespace

struct ClipTokenizer::Files {
  explicit Files(const std::filesystem::path& folder) {
    const std::optional<Json> tokenizer_json = read_tokenizer_json(folder);
    settings = read_settings(folder, tokenizer_json);
    pairs = read_byte_pair_files(folder, tokenizer_json);
    give_ids(pairs.vocabulary, settings.added);
  }

  // Every special token is an added one.
  std::int64_t id_of(const std::string& key) const {
    return std::ranges::find(settings.added, settings.special.at(key), &AddedToken::text)->id;
  }

  TokenizerSettings settings;
  BytePairFiles pairs;
};

ClipTokenizer::ClipTokenizer(const std::filesystem::path& folder, TokenizerOptions options)
    : ClipTokenizer(Files(folder), options) {}

ClipTokenizer::ClipTokenizer(Files files, TokenizerOptions options)
    : pairs_(files.pairs, {.word_end = "</w>", .unknown = files.settings.special.at("unk_token")}),
      added_(options.special_tokens == SpecialTokens::match ? files.settings.added
                                                            : std::vector<AddedToken>(),
             normalized_for_clip, files.pairs.source),
      max_length_(files.settings.max_length),
      begin_id_(files.id_of("bos_token")),
      end_id_(files.id_of("eos_token")),
      pad_id_(files.id_of("pad_token")),
      vocabulary_size_(count_ids(files.pairs.vocabulary, files.settings.added)) {}

Tokens ClipTokenizer::encode(std::string_view text) const {
  std::vector<std::int64_t> ids{begin_id_};
  for (const TextPart& part : added_.split(text)) {
    if (part.token) {
      ids.push_back(*part.token);
      continue;
    }
    for (const std::string_view word : words_of_clip(part.text)) pairs_.encode(word, ids);
  }
  return ended(std::move(ids), end_id_, max_length_);
}

}  // namespace bafa::text
