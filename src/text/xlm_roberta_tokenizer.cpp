#include "text/xlm_roberta_tokenizer.h"

#include <sentencepiece_processor.h>

#include <array>
#include <optional>
#include <string>

#include "bafa/error.h"
#include "base/component_config.h"
#include "base/files.h"

namespace bafa::text {
namespace {

constexpr std::size_t kMaxModelBytes = 64 << 20;
constexpr std::int64_t kMaxTokens = 4096;
constexpr std::int64_t kBos = 0;
constexpr std::int64_t kPad = 1;
constexpr std::int64_t kEos = 2;
constexpr std::int64_t kUnknown = 3;
constexpr std::int64_t kMask = -1;  // the last id: known when the model is loaded

struct SpecialToken {
  std::string_view text;
  std::int64_t id;
};

// None is the beginning of another, so the leftmost match is the longest.
constexpr std::array<SpecialToken, 5> kSpecialTokens{
    {{"<s>", kBos}, {"<pad>", kPad}, {"</s>", kEos}, {"<unk>", kUnknown}, {"<mask>", kMask}}};

const SpecialToken* special_token_at(std::string_view text) {
  for (const SpecialToken& token : kSpecialTokens)
    if (text.starts_with(token.text)) return &token;
  return nullptr;
}

// The reference splits words at U+0085, the one such character that the model's normaliser keeps.
std::string with_plain_spaces(std::string_view text) {
  constexpr std::string_view kNextLine = "\xC2\x85";
  std::string result(text);
  for (std::size_t at = result.find(kNextLine); at != std::string::npos;
       at = result.find(kNextLine, at))
    result.replace(at, kNextLine.size(), " ");
  return result;
}

// A token is written as its text or as an object that holds it.
std::optional<std::string> token_text(const Json& json) {
  if (json.is_string()) return json.get<std::string>();
  if (!json.is_object()) return std::nullopt;
  const auto content = json.find("content");
  if (content == json.end() || !content->is_string()) return std::nullopt;
  return content->get<std::string>();
}

void expect_token(ComponentConfig& config, const char* key, std::string_view expected) {
  const Json* value = config.any(key);
  if (value == nullptr || value->is_null()) return;
  if (token_text(*value) != expected)
    config.refuse(key, "is not " + std::string(expected) + ", the only one that bafa knows");
}

// Lists, or objects by id, of tokens: only those that the class has anyway.
void expect_known_tokens(ComponentConfig& config, const char* key) {
  const Json* value = config.any(key);
  if (value == nullptr || value->is_null()) return;
  for (const Json& token : *value) {
    const std::optional<std::string> text = token_text(token);
    const SpecialToken* known = text ? special_token_at(*text) : nullptr;
    if (known == nullptr || known->text != *text) config.refuse(key, "adds a token of its own");
  }
}

int read_max_length(const std::filesystem::path& file) {
  ComponentConfig config(file);
  expect_token(config, "bos_token", "<s>");
  expect_token(config, "cls_token", "<s>");
  expect_token(config, "eos_token", "</s>");
  expect_token(config, "sep_token", "</s>");
  expect_token(config, "pad_token", "<pad>");
  expect_token(config, "unk_token", "<unk>");
  expect_token(config, "mask_token", "<mask>");
  for (const char* key :
       {"added_tokens_decoder", "additional_special_tokens", "extra_special_tokens"})
    expect_known_tokens(config, key);
  config.expect("add_prefix_space", true);
  config.expect("do_lower_case", false);
  config.expect("padding_side", "right");
  config.expect("truncation_side", "right");
  config.expect("sp_model_kwargs", Json::object());
  config.ignore({"tokenizer_class", "name_or_path", "special_tokens_map_file", "backend",
                 "clean_up_tokenization_spaces", "is_local", "local_files_only",
                 "model_input_names", "processor_class", "unk_id", "max_length", "model_type"});
  if (!config.has("model_max_length"))
    config.refuse_invalid("model_max_length", "is missing: the pipeline pads prompts to it");
  const std::int64_t length = config.integer("model_max_length", 0, {3, kMaxTokens});
  config.finish();
  return static_cast<int>(length);
}

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& why) {
  throw Error(ErrorCode::invalid_model, file.string() + ": " + why, file.string());
}

}  // namespace

XlmRobertaTokenizer::XlmRobertaTokenizer(const std::filesystem::path& folder)
    : pieces_(std::make_unique<sentencepiece::SentencePieceProcessor>()),
      max_length_(read_max_length(folder / "tokenizer_config.json")) {
  const std::filesystem::path file = folder / "sentencepiece.bpe.model";
  const auto status = pieces_->LoadFromSerializedProto(read_file(file, kMaxModelBytes));
  if (!status.ok()) refuse(file, "not a sentencepiece model: " + std::string(status.message()));
  const bool fairseq = pieces_->GetPieceSize() > 3 && pieces_->IdToPiece(0) == "<unk>" &&
                       pieces_->IdToPiece(1) == "<s>" && pieces_->IdToPiece(2) == "</s>";
  if (!fairseq) refuse(file, "its first pieces are not <unk>, <s> and </s>, as XLM-R has them");
}

XlmRobertaTokenizer::~XlmRobertaTokenizer() = default;

std::int64_t XlmRobertaTokenizer::pad_id() const { return kPad; }

// Piece i has the id i + 1, and the mask follows the last piece.
std::int64_t XlmRobertaTokenizer::mask_id() const { return pieces_->GetPieceSize() + 1; }

std::int64_t XlmRobertaTokenizer::vocabulary_size() const { return mask_id() + 1; }

void XlmRobertaTokenizer::append(std::string_view plain, std::vector<std::int64_t>& ids) const {
  if (plain.empty()) return;
  std::vector<int> pieces;
  const auto status = pieces_->Encode(with_plain_spaces(plain), &pieces);
  if (!status.ok())
    throw Error(ErrorCode::generation_failed, "sentencepiece: " + std::string(status.message()));
  for (const int piece : pieces) ids.push_back(piece == 0 ? kUnknown : piece + 1);
}

Tokens XlmRobertaTokenizer::encode(std::string_view text) const {
  Tokens tokens{.ids = {kBos}};
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const SpecialToken* special = special_token_at(text.substr(at));
    if (special == nullptr) {
      ++at;
      continue;
    }
    append(text.substr(begin, at - begin), tokens.ids);
    tokens.ids.push_back(special->id == kMask ? mask_id() : special->id);
    at += special->text.size();
    begin = at;
  }
  append(text.substr(begin), tokens.ids);

  const auto room = static_cast<std::size_t>(max_length_) - 1;
  tokens.truncated = tokens.ids.size() > room;
  if (tokens.truncated) tokens.ids.resize(room);
  tokens.ids.push_back(kEos);
  return tokens;
}

}  // namespace bafa::text
