#include "text/tokenizer_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "support/refused.h"
#include "support/temporary_folder.h"

namespace bafa::text {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class TokenizerSettingsTest : public testing::Test {
 protected:
  // The tokens that are added, and the flags that are set: n(ormalized), l, r, w(ord).
  std::vector<std::string> added(const std::string& config_keys,
                                 const std::optional<Json>& tokenizer_json = {}) const {
    std::vector<std::string> result;
    for (const AddedToken& token : read(config_keys, tokenizer_json).added)
      result.push_back(token.text + ":" + (token.normalized ? "n" : "") +
                       (token.lstrip ? "l" : "") + (token.rstrip ? "r" : "") +
                       (token.single_word ? "w" : ""));
    return result;
  }
  TokenizerSettings read(const std::string& config_keys,
                         const std::optional<Json>& tokenizer_json = {}) const {
    const auto file =
        folder.write("tokenizer_config.json", R"({"model_max_length": 8)" + config_keys + "}");
    ComponentConfig config(file);
    return read_tokenizer_settings(
        config, folder.path(),
        {.special = {{"bos_token", "<b>"}, {"eos_token", "<e>"}}, .extra = {{.text = "<x>"}}},
        tokenizer_json);
  }
  test::TemporaryFolder folder;
};

TEST_F(TokenizerSettingsTest, AddsTheClassesTokensAndTheModels) {
  EXPECT_THAT(added(""), ElementsAre("<b>:", "<e>:", "<x>:"));
}

TEST_F(TokenizerSettingsTest, TakesFlagsFromTheConfig) {
  EXPECT_THAT(added(R"(, "bos_token": {"content": "<s>", "normalized": true, "lstrip": true},
                       "eos_token": {"content": "<t>", "rstrip": true, "single_word": true},
                       "extra_special_tokens": [{"content": "<y>"}, "<z>"])"),
              ElementsAre("<s>:nl", "<t>:rw", "<y>:n", "<z>:"));
}

// Stable Diffusion 1.5: <|endoftext|> ends and pads; as the end it is normalised, as the pad not.
TEST_F(TokenizerSettingsTest, LetsTheLaterOfTwoWithOneTextDecide) {
  EXPECT_THAT(added(R"(, "eos_token": {"content": "<e>", "normalized": true}, "pad_token": "<e>")"),
              ElementsAre("<b>:", "<e>:", "<x>:"));
}

TEST_F(TokenizerSettingsTest, TakesListedTokensByTheirIdsAndAsTheyAre) {
  folder.write("special_tokens_map.json", R"({"pad_token": "<unread>"})");
  EXPECT_THAT(added(R"(, "added_tokens_decoder": {"10": {"content": "<e>", "normalized": true},
                       "9": {"content": "<b>"}, "1": {"content": "<m>"},
                       "2": {"content": "<n>", "special": true},
                       "3": {"content": "<x>", "normalized": true}})"),
              ElementsAre("<m>:n", "<n>:", "<x>:n", "<b>:", "<e>:n"));
}

TEST_F(TokenizerSettingsTest, ReadsTheLegacyFilesWhereNoneAreListed) {
  folder.write("special_tokens_map.json",
               R"({"eos_token": {"content": "<f>", "normalized": true}, "pad_token": "<p>",
                   "additional_special_tokens": ["<y>"]})");
  folder.write("added_tokens.json", R"({"<later>": 12, "<p>": 11})");
  EXPECT_THAT(added(""), ElementsAre("<p>:", "<later>:n", "<b>:", "<f>:n", "<y>:"));
  EXPECT_EQ(read("").special.at("eos_token"), "<f>");
}

TEST_F(TokenizerSettingsTest, ReadsTheTokensOfTokenizerJson) {
  const Json json = Json::parse(R"({"added_tokens": [
      {"id": 5, "content": "<e>", "normalized": true, "special": true},
      {"id": 4, "content": "<t>", "rstrip": true, "normalized": false, "special": false}]})");
  EXPECT_THAT(added("", json), ElementsAre("<t>:r", "<e>:n", "<b>:", "<x>:"));
}

TEST_F(TokenizerSettingsTest, RefusesTokenizerJsonThatCutsOrPadsOnTheLeft) {
  for (const char* part : {"truncation", "padding"}) {
    const Json json = {{"added_tokens", Json::array()}, {part, {{"direction", "Left"}}}};
    const auto refused = test::refused([&] { read("", json); });
    EXPECT_EQ(refused.code, ErrorCode::unsupported_model) << part;
    EXPECT_THAT(refused.param, HasSubstr(part));
    EXPECT_NO_THROW(read(R"(, ")" + std::string(part) + R"(_side": "right")", json)) << part;
  }
}

TEST_F(TokenizerSettingsTest, RefusesTokensThatAreNone) {
  for (const char* key :
       {R"("bos_token": 1)", R"("eos_token": {})", R"("eos_token": {"content": 2})",
        R"("bos_token": {"content": "<b>", "lstrip": 1})", R"("added_tokens_decoder": [])",
        R"("added_tokens_decoder": {"one": {"content": "<b>"}})",
        R"("added_tokens_decoder": {"-1": {"content": "<b>"}})",
        R"("extra_special_tokens": [[]])"}) {
    const auto refused = test::refused([&] { read(", " + std::string(key)); });
    EXPECT_EQ(refused.code, ErrorCode::invalid_model) << key;
    EXPECT_THAT(std::string(key), HasSubstr(refused.param)) << key;
  }
}

TEST_F(TokenizerSettingsTest, RefusesWhatItDoesNotKnow) {
  for (const char* key :
       {R"("bos_token": {"content": "<b>", "colour": true})",
        R"("extra_special_tokens": {"image_token": "<i>"})", R"("chat_template": "x")"}) {
    const auto refused = test::refused([&] { read(", " + std::string(key)); });
    EXPECT_EQ(refused.code, ErrorCode::unsupported_model) << key;
    EXPECT_THAT(std::string(key), HasSubstr(refused.param)) << key;
  }
  folder.write("special_tokens_map.json", R"({"image_token": "<i>"})");
  EXPECT_EQ(test::refused([&] { read(""); }).param, "image_token");
}

TEST(TokenIds, AreTheVocabularysOrFollowItsSize) {
  const Vocabulary vocabulary{{"a", 0}, {"b", 1}, {"c", 7}};
  std::vector<AddedToken> added{{.text = "x"}, {.text = "c"}, {.text = "y"}};
  give_ids(vocabulary, added);
  EXPECT_EQ(added[0].id, 3);
  EXPECT_EQ(added[1].id, 7);
  EXPECT_EQ(added[2].id, 4);
  EXPECT_EQ(count_ids(vocabulary, added), 8);
}

}  // namespace
}  // namespace bafa::text
