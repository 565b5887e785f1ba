#include "text/tokenizer_settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <utility>

#include "base/text.h"

namespace bafa::text {
namespace {

constexpr std::int64_t kMaxTokens = 4096;
constexpr std::size_t kMaxAddedTokens = 4096;
// In the order in which the reference adds them.
constexpr std::array<const char*, 7> kSpecialKeys{
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"};

using SpecialTokens = std::map<std::string, AddedToken>;  // by key

bool flag(const ComponentConfig& config, std::string_view key, const Json& token, const char* name,
          bool fallback) {
  const auto found = token.find(name);
  if (found == token.end()) return fallback;
  if (!found->is_boolean())
    config.refuse_invalid(key, std::string("has no boolean as its ") + name);
  return found->get<bool>();
}

// A token is written as its text, which stands for a special one, or as an object that holds it.
AddedToken read_token(const ComponentConfig& config, std::string_view key, const Json& json,
                      bool special) {
  if (json.is_string()) return {.text = json.get<std::string>()};
  const auto content = json.is_object() ? json.find("content") : json.end();
  if (content == json.end() || !content->is_string())
    config.refuse_invalid(key, "is neither a token's text nor an object with its content");
  for (const auto& [name, value] : json.items())
    if (name != "content" && name != "single_word" && name != "lstrip" && name != "rstrip" &&
        name != "normalized" && name != "special" && name != "id" && name != "__type")
      config.refuse(key, "has a token with " + printable(name) + ", which is not known to bafa");
  special = special || flag(config, key, json, "special", false);
  return {.text = content->get<std::string>(),
          .single_word = flag(config, key, json, "single_word", false),
          .lstrip = flag(config, key, json, "lstrip", false),
          .rstrip = flag(config, key, json, "rstrip", false),
          .normalized = flag(config, key, json, "normalized", !special)};
}

void read_special(ComponentConfig& config, SpecialTokens& tokens) {
  for (const char* key : kSpecialKeys) {
    const Json* value = config.any(key);
    if (value == nullptr) continue;
    tokens.erase(key);
    if (!value->is_null()) tokens.emplace(key, read_token(config, key, *value, true));
  }
}

bool is_named(const SpecialTokens& tokens, const std::string& text) {
  return std::ranges::any_of(tokens, [&](const auto& named) { return named.second.text == text; });
}

// Absent, null and an empty object say the same: there are none.
std::optional<std::vector<AddedToken>> read_extra(ComponentConfig& config) {
  std::optional<std::vector<AddedToken>> tokens;
  for (const char* key : {"extra_special_tokens", "additional_special_tokens"}) {
    const Json* value = config.any(key);
    if (value == nullptr || value->is_null() || value->empty()) continue;
    if (!value->is_array()) config.refuse(key, "is not a list; bafa knows no tokens with names");
    if (tokens) continue;
    tokens.emplace();
    for (const Json& token : *value) tokens->push_back(read_token(config, key, token, false));
  }
  return tokens;
}

std::int64_t parse_id(const ComponentConfig& config, const std::string& text) {
  std::int64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size() || id < 0)
    config.refuse_invalid("added_tokens_decoder", "has the id " + printable(text));
  return id;
}

// The tokens by their ids. The ids only order them: the reference gives out ids of its own.
using ListedTokens = std::map<std::int64_t, AddedToken>;

ListedTokens read_decoder(const ComponentConfig& config, const Json& json,
                          const SpecialTokens& named) {
  constexpr std::string_view kKey = "added_tokens_decoder";
  if (!json.is_object()) config.refuse_invalid(kKey, "is not an object");
  ListedTokens listed;
  for (const auto& [id, token] : json.items()) {
    const AddedToken plain = read_token(config, kKey, token, false);
    listed[parse_id(config, id)] = read_token(config, kKey, token, is_named(named, plain.text));
  }
  return listed;
}

// added_tokens.json: texts with their ids.
void read_added_file(const std::filesystem::path& file, const SpecialTokens& named,
                     ListedTokens& listed) {
  if (!std::filesystem::exists(file)) return;
  const ComponentConfig config(file);
  for (const auto& [text, id] : config.all().items()) {
    if (!id.is_number_unsigned()) config.refuse_invalid(text, "has no id");
    listed[id.get<std::int64_t>()] = {.text = text, .normalized = !is_named(named, text)};
  }
}

void read_json_tokens(const std::filesystem::path& folder, const Json& tokenizer_json,
                      ListedTokens& listed) {
  const std::string source = (folder / "tokenizer.json").string();
  const ComponentConfig config(Json::object(), source);
  const auto tokens = tokenizer_json.find("added_tokens");
  if (tokens == tokenizer_json.end() || !tokens->is_array())
    config.refuse_invalid("added_tokens", "is not a list");
  for (const Json& token : *tokens) {
    const AddedToken read = read_token(config, "added_tokens", token, false);
    const auto id = token.is_object() ? token.find("id") : token.end();
    if (id == token.end() || !id->is_number_unsigned())
      config.refuse_invalid("added_tokens", "has a token without an id");
    listed[id->get<std::int64_t>()] = read;
  }
}

// Files of transformers 4, which the reference reads where the config lists no added tokens.
ListedTokens read_legacy(const std::filesystem::path& folder,
                         const std::optional<Json>& tokenizer_json, SpecialTokens& named,
                         std::optional<std::vector<AddedToken>>& extra) {
  const std::filesystem::path file = folder / "special_tokens_map.json";
  if (std::filesystem::exists(file)) {
    ComponentConfig map(file);
    read_special(map, named);
    if (const auto more = read_extra(map); more && !extra) extra = more;
    map.finish();
  }
  ListedTokens listed;
  read_added_file(folder / "added_tokens.json", named, listed);
  if (tokenizer_json) read_json_tokens(folder, *tokenizer_json, listed);
  return listed;
}

// What is added again changes its flags and keeps its place. Listed ones are not added again.
std::vector<AddedToken> in_order(const ListedTokens& listed, const SpecialTokens& named,
                                 const std::vector<AddedToken>& extra) {
  std::vector<AddedToken> added;
  const auto add = [&](const AddedToken& token) {
    const auto found = std::ranges::find(added, token.text, &AddedToken::text);
    if (found != added.end())
      *found = token;
    else if (!token.text.empty())
      added.push_back(token);
  };
  std::set<std::string> in_list;
  for (const auto& [id, token] : listed) {
    add(token);
    in_list.insert(token.text);
  }
  for (const char* key : kSpecialKeys)
    if (const auto found = named.find(key); found != named.end())
      if (!in_list.contains(found->second.text)) add(found->second);
  for (const AddedToken& token : extra)
    if (!in_list.contains(token.text)) add(token);
  return added;
}

void expect_right_sides(ComponentConfig& config, const std::optional<Json>& tokenizer_json) {
  for (const auto& [key, part] :
       {std::pair("padding_side", "padding"), std::pair("truncation_side", "truncation")}) {
    config.expect(key, "right");
    if (!tokenizer_json || config.has(key)) continue;
    const auto found = tokenizer_json->find(part);
    if (found != tokenizer_json->end() && found->is_object() &&
        found->value("direction", Json("Right")) != "Right")
      config.refuse(key, "is left in tokenizer.json; bafa knows only right");
  }
}

int read_max_length(ComponentConfig& config) {
  if (!config.has("model_max_length"))
    config.refuse_invalid("model_max_length", "is missing: the pipeline pads prompts to it");
  return static_cast<int>(config.integer("model_max_length", 0, {3, kMaxTokens}));
}

}  // namespace

TokenizerSettings read_tokenizer_settings(ComponentConfig& config,
                                          const std::filesystem::path& folder,
                                          const TokenizerDefaults& defaults,
                                          const std::optional<Json>& tokenizer_json) {
  SpecialTokens named;
  for (const auto& [key, text] : defaults.special) named[key] = {.text = text};
  read_special(config, named);
  std::optional<std::vector<AddedToken>> extra = read_extra(config);
  const Json* decoder = config.any("added_tokens_decoder");
  const ListedTokens listed = decoder != nullptr && !decoder->is_null()
                                  ? read_decoder(config, *decoder, named)
                                  : read_legacy(folder, tokenizer_json, named, extra);

  expect_right_sides(config, tokenizer_json);
  config.expect("split_special_tokens", false);
  config.ignore({"tokenizer_class", "name_or_path", "special_tokens_map_file", "backend",
                 "clean_up_tokenization_spaces", "is_local", "local_files_only",
                 "model_input_names", "processor_class", "unk_id", "max_length", "model_type",
                 "stride", "truncation_strategy", "pad_to_multiple_of", "pad_token_type_id"});
  if (listed.size() + extra.value_or(defaults.extra).size() > kMaxAddedTokens)
    config.refuse_invalid("added_tokens_decoder",
                          "adds more than " + std::to_string(kMaxAddedTokens) + " tokens");
  TokenizerSettings settings{
      .max_length = defaults.max_length ? *defaults.max_length : read_max_length(config),
      .special = {},
      .extra = {},
      .added = in_order(listed, named, extra.value_or(defaults.extra))};
  for (const auto& [key, token] : named) settings.special[key] = token.text;
  for (const AddedToken& token : extra.value_or(defaults.extra))
    settings.extra.push_back(token.text);
  config.finish();
  return settings;
}

void give_ids(const Vocabulary& vocabulary, std::vector<AddedToken>& added) {
  const auto find = [&](std::string_view text) -> std::optional<std::int64_t> {
    const auto found = vocabulary.find(text);
    if (found == vocabulary.end()) return std::nullopt;
    return found->second;
  };
  give_ids(find, static_cast<std::int64_t>(vocabulary.size()), added);
}

void give_ids(const FindId& find, std::int64_t size, std::vector<AddedToken>& added) {
  for (AddedToken& token : added) {
    const std::optional<std::int64_t> found = find(token.text);
    token.id = found ? *found : size++;
  }
}

std::int64_t count_ids(const Vocabulary& vocabulary, const std::vector<AddedToken>& added) {
  std::int64_t largest = 0;
  for (const auto& [token, id] : vocabulary) largest = std::max(largest, id);
  for (const AddedToken& token : added) largest = std::max(largest, token.id);
  return largest + 1;
}

}  // namespace bafa::text
