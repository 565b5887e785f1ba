#include "text/xlm_roberta_tokenizer.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "bafa/error.h"
#include "base/component_config.h"
#include "base/files.h"
#include "text/grapheme_normalizer.h"
#include "text/sentencepiece_model.h"
#include "text/tokenizer_settings.h"
#include "text/unicode.h"

namespace bafa::text {
namespace {

constexpr std::size_t kMaxModelBytes = 64 << 20;
constexpr std::int64_t kBos = 0;
constexpr std::int64_t kPad = 1;
constexpr std::int64_t kEos = 2;
constexpr std::int64_t kUnknown = 3;
constexpr std::string_view kMask = "<mask>";
constexpr std::string_view kWordBegin = "▁";

const std::map<std::string, std::string>& special_tokens() {
  static const std::map<std::string, std::string> kTokens{
      {"bos_token", "<s>"},    {"cls_token", "<s>"},   {"eos_token", "</s>"},
      {"sep_token", "</s>"},   {"pad_token", "<pad>"}, {"unk_token", "<unk>"},
      {"mask_token", "<mask>"}};
  return kTokens;
}

std::shared_ptr<const SentencePieceModel> read_model(const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / "sentencepiece.bpe.model";
  const auto refuse = [&](const char* why) {
    throw Error(ErrorCode::invalid_model, file.string() + ": " + why, file.string());
  };
  if (!std::filesystem::exists(file) && std::filesystem::exists(folder / "tokenizer.json"))
    refuse(
        "is missing, and bafa does not read the pieces from the tokenizer.json beside it; fetch it "
        "too");
  auto model = std::make_shared<SentencePieceModel>(read_file(file, kMaxModelBytes), file.string());
  const bool fairseq = model->size() > 3 && model->text(0) == "<unk>" && model->text(1) == "<s>" &&
                       model->text(2) == "</s>";
  if (!fairseq) refuse("its first pieces are not <unk>, <s> and </s>, as XLM-R has them");
  return model;
}

// Piece i has the id i + 1, but for the first three.
std::optional<Unigram::Piece> ordinary(const SentencePieceModel& model, std::string_view text) {
  const std::optional<int> piece = model.find(text);
  if (!piece || *piece <= 2) return std::nullopt;
  return Unigram::Piece{.id = *piece + 1, .score = double{model.score(*piece)}};
}

// The mask follows the last piece. The reference also finds the special tokens where normalising
// made them ("＜mask＞"), with a score of 0.
std::optional<Unigram::Piece> numbered(const SentencePieceModel& model, std::string_view text) {
  if (text == kMask) return Unigram::Piece{.id = model.size() + 1};
  if (const std::optional<Unigram::Piece> piece = ordinary(model, text)) return piece;
  if (text == "<s>") return Unigram::Piece{.id = kBos};
  if (text == "<pad>") return Unigram::Piece{.id = kPad};
  if (text == "</s>") return Unigram::Piece{.id = kEos};
  if (text == "<unk>") return Unigram::Piece{.id = kUnknown};
  return std::nullopt;
}

Unigram::Pieces pieces_of(const std::shared_ptr<const SentencePieceModel>& model,
                          SpecialTokens special) {
  const auto find = special == SpecialTokens::match ? numbered : ordinary;
  Unigram::Pieces pieces{
      .find = [model, find](std::string_view text) { return find(*model, text); },
      .longest = kMask.size()};
  for (int piece = 3; piece < model->size(); ++piece) {
    pieces.longest = std::max(pieces.longest, model->text(piece).size());
    pieces.worst = std::min(pieces.worst, double{model->score(piece)});
  }
  return pieces;
}

TokenizerSettings read_settings(const std::filesystem::path& folder,
                                const SentencePieceModel& model) {
  ComponentConfig config(folder / "tokenizer_config.json");
  config.expect("add_prefix_space", true);
  config.expect("do_lower_case", false);
  config.expect("sp_model_kwargs", Json::object());
  TokenizerDefaults defaults{.special = special_tokens()};
  for (int piece = 0; piece < model.size(); ++piece)
    if (model.is_added(piece)) defaults.extra.push_back({.text = model.text(piece)});
  TokenizerSettings settings = read_tokenizer_settings(config, folder, defaults);
  for (const auto& [key, text] : special_tokens())
    if (settings.special[key] != text)
      config.refuse(key, "is not " + text + ", the only one that bafa knows");
  return settings;
}

// Each begins with the sign for a word's begin, also where it was typed.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  bool in_word = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    if (is_space(next_character(text, at))) {
      in_word = false;
      continue;
    }
    const std::string_view character = text.substr(begin, at - begin);
    if (character == kWordBegin)
      words.emplace_back();
    else if (!in_word)
      words.emplace_back(kWordBegin);
    words.back() += character;
    in_word = true;
  }
  return words;
}

}  // namespace

struct XlmRobertaTokenizer::Files {
  explicit Files(const std::filesystem::path& folder)
      : source(folder.string()),
        model(read_model(folder)),
        settings(read_settings(folder, *model)) {
    give_ids(
        [this](std::string_view text) -> std::optional<std::int64_t> {
          const std::optional<Unigram::Piece> piece = numbered(*model, text);
          return piece ? std::optional(piece->id) : std::nullopt;
        },
        size(), settings.added);
  }

  std::int64_t size() const { return model->size() + 2; }

  std::string source;
  std::shared_ptr<const SentencePieceModel> model;
  TokenizerSettings settings;
};

XlmRobertaTokenizer::XlmRobertaTokenizer(const std::filesystem::path& folder,
                                         TokenizerOptions options)
    : XlmRobertaTokenizer(Files(folder), options) {}

XlmRobertaTokenizer::XlmRobertaTokenizer(const Files& files, TokenizerOptions options)
    : pieces_(pieces_of(files.model, options.special_tokens), kUnknown),
      added_(
          options.special_tokens == SpecialTokens::match ? files.settings.added
                                                         : std::vector<AddedToken>(),
          [model = files.model](std::string_view text) {
            return normalize_graphemes(*model, text);
          },
          files.source),
      max_length_(files.settings.max_length),
      vocabulary_size_(std::max(files.size(), count_ids({}, files.settings.added))) {}

std::int64_t XlmRobertaTokenizer::pad_id() const { return kPad; }

Tokens XlmRobertaTokenizer::encode(std::string_view text) const {
  std::vector<std::int64_t> ids{kBos};
  for (const TextPart& part : added_.split(text)) {
    if (part.token)
      ids.push_back(*part.token);
    else
      for (const std::string& word : words_of(part.text)) pieces_.encode(word, ids);
  }
  return ended(std::move(ids), kEos, max_length_);
}

}  // namespace bafa::text
