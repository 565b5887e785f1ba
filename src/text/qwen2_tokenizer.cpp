#include "text/qwen2_tokenizer.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "bafa/error.h"
#include "base/component_config.h"
#include "base/files.h"
#include "text/byte_pair_files.h"
#include "text/qwen2_words.h"
#include "text/unicode.h"

namespace bafa::text {
namespace {

constexpr std::string_view kBegin = "<|im_start|>";
constexpr std::string_view kEnd = "<|im_end|>";
constexpr std::string_view kUser = "user\n";
constexpr std::string_view kAssistant = "assistant\n";
constexpr std::size_t kMaxTemplateBytes = 1 << 20;

// The template is known here and not read; one that is not for these messages is another model's.
void check_template(ComponentConfig& config, const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / "chat_template.jinja";
  const bool is_apart = std::filesystem::exists(file);
  std::string text;
  if (is_apart)
    text = read_file(file, kMaxTemplateBytes);
  else if (config.has("chat_template"))
    text = config.string("chat_template", "");
  config.ignore({"chat_template"});
  if (text.empty()) return;
  for (const std::string_view token : {kBegin, kEnd})
    if (text.find(token) == std::string::npos)
      throw Error(ErrorCode::unsupported_model,
                  (is_apart ? file.string() : config.source()) + ": chat_template does not write " +
                      std::string(token) +
                      " round messages; bafa knows only Qwen3's, so give the model the tokenizer "
                      "folder of its own checkpoint",
                  "chat_template");
}

// The reference adds all special ones once more, without flags.
void reset_flags(TokenizerSettings& settings) {
  const auto is_special = [&](const std::string& text) {
    return std::ranges::find(settings.extra, text) != settings.extra.end() ||
           std::ranges::any_of(settings.special,
                               [&](const auto& named) { return named.second == text; });
  };
  for (AddedToken& token : settings.added)
    if (is_special(token.text)) token = {.text = token.text};
}

// What a processor of tokenizer.json does: nothing, as byte levels and a template of the text alone
// do, or something that bafa lacks.
bool adds_nothing(const Json& processor) {
  if (!processor.is_object()) return false;
  const auto type = processor.value("type", Json());
  if (type == "ByteLevel") return true;
  const auto single = processor.find("single");
  return type == "TemplateProcessing" && single != processor.end() && single->is_array() &&
         std::ranges::all_of(*single, [](const Json& part) { return part.contains("Sequence"); });
}

void check_post_processor(const ComponentConfig& config,
                          const std::optional<Json>& tokenizer_json) {
  if (!tokenizer_json) return;
  const auto found = tokenizer_json->find("post_processor");
  if (found == tokenizer_json->end() || found->is_null()) return;
  if (!adds_nothing(*found))
    config.refuse("post_processor", "of tokenizer.json adds tokens, which bafa lacks");
}

TokenizerSettings read_settings(const std::filesystem::path& folder,
                                const std::optional<Json>& tokenizer_json) {
  ComponentConfig config(folder / "tokenizer_config.json");
  config.ignore({"errors", "model_max_length"});
  for (const char* key : {"add_prefix_space", "add_bos_token", "add_eos_token"})
    config.expect(key, false);
  check_template(config, folder);
  check_post_processor(config, tokenizer_json);
  const std::string end = "<|endoftext|>";
  TokenizerSettings settings = read_tokenizer_settings(
      config, folder,
      {.special = {{"eos_token", end}, {"unk_token", end}, {"pad_token", end}},
       .max_length = Qwen2Tokenizer::kMaxLength},
      tokenizer_json);
  if (settings.special["pad_token"].empty()) config.refuse_invalid("pad_token", "is null or empty");
  reset_flags(settings);
  return settings;
}

}  // namespace

struct Qwen2Tokenizer::Files {
  explicit Files(const std::filesystem::path& folder)
      : source((folder / "tokenizer_config.json").string()) {
    const std::optional<Json> tokenizer_json = read_tokenizer_json(folder);
    settings = read_settings(folder, tokenizer_json);
    pairs = read_byte_pair_files(folder, tokenizer_json);
    give_ids(pairs.vocabulary, settings.added);
  }

  std::int64_t id_of(std::string_view text) const {
    const auto found = std::ranges::find(settings.added, text, &AddedToken::text);
    if (found == settings.added.end())
      ComponentConfig(Json::object(), source)
          .refuse_invalid("added_tokens_decoder",
                          "lacks " + std::string(text) + ", which the chat template needs");
    return found->id;
  }

  TokenizerSettings settings;
  BytePairFiles pairs;
  std::string source;
};

Qwen2Tokenizer::Qwen2Tokenizer(const std::filesystem::path& folder, TokenizerOptions options)
    : Qwen2Tokenizer(Files(folder), options) {}

Qwen2Tokenizer::Qwen2Tokenizer(Files files, TokenizerOptions options)
    : options_(options),
      pairs_(files.pairs, {}),
      added_(files.settings.added, nfc, files.pairs.source),
      begin_id_(files.id_of(kBegin)),
      end_id_(files.id_of(kEnd)),
      pad_id_(files.id_of(files.settings.special.at("pad_token"))),
      vocabulary_size_(count_ids(files.pairs.vocabulary, files.settings.added)) {}

void Qwen2Tokenizer::append(std::string_view normalized, std::vector<std::int64_t>& ids) const {
  for (const std::string_view word : words_of_qwen2(normalized)) pairs_.encode(word, ids);
}

Tokens Qwen2Tokenizer::encode(std::string_view text) const {
  const std::string message = std::string(kUser) + std::string(text);
  Tokens tokens{.ids = {begin_id_}};
  if (options_.special_tokens == SpecialTokens::plain) {
    append(nfc(message), tokens.ids);
    tokens.ids.push_back(end_id_);
    append("\n", tokens.ids);
  } else {
    const std::string rest = message + std::string(kEnd) + "\n";
    for (const TextPart& part : added_.split(rest)) {
      if (part.token)
        tokens.ids.push_back(*part.token);
      else
        append(part.text, tokens.ids);
    }
  }
  tokens.ids.push_back(begin_id_);
  append(kAssistant, tokens.ids);
  tokens.truncated = tokens.ids.size() > kMaxLength;
  if (tokens.truncated) tokens.ids.resize(kMaxLength);
  return tokens;
}

}  // namespace bafa::text
