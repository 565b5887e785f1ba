#include "text/xlm_roberta_tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/files.h"
#include "support/refused.h"
#include "support/sentencepiece_proto.h"
#include "support/temporary_folder.h"

namespace bafa::text {
namespace {

using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::Gt;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Ne;
using testing::Not;

const std::filesystem::path kData = "tests/golden/data";
const std::filesystem::path kTokenizer = kData / "alt_diffusion/tokenizer";

nlohmann::json golden() { return nlohmann::json::parse(read_file(kData / "tokens.json", 1 << 20)); }

TEST(XlmRobertaTokenizer, GivesTheReferencesIdsForOddPrompts) {
  const XlmRobertaTokenizer tokenizer(kTokenizer);
  const nlohmann::json cases = golden()["exact"];
  ASSERT_EQ(cases.size(), 84u);
  for (const nlohmann::json& each : cases) {
    const Tokens tokens = tokenizer.encode(each["text"].get<std::string>());
    EXPECT_THAT(tokens.ids, ElementsAreArray(each["ids"].get<std::vector<std::int64_t>>()))
        << each["text"];
    EXPECT_EQ(tokens.truncated, each["truncated"].get<bool>()) << each["text"];
  }
}

// There the sentencepiece library, whose ids the table has too, normalises in another way.
TEST(XlmRobertaTokenizer, FollowsTransformersOnRunsOfCombiningMarks) {
  const XlmRobertaTokenizer tokenizer(kTokenizer);
  int different = 0;
  const nlohmann::json cases = golden()["combining"];
  for (const nlohmann::json& each : cases) {
    EXPECT_THAT(tokenizer.encode(each["text"].get<std::string>()).ids,
                ElementsAreArray(each["reference_ids"].get<std::vector<std::int64_t>>()))
        << each["text"];
    different += each["ids"] != each["reference_ids"];
  }
  EXPECT_GT(different, 0);
}

// Their letters become ASCII when they are normalised, and the pieces have them.
TEST(XlmRobertaTokenizer, FindsSpecialTokensInFullWidthLetters) {
  const XlmRobertaTokenizer tokenizer(kTokenizer);
  EXPECT_THAT(tokenizer.encode("＜s＞").ids, ElementsAre(0, 4, 0, 2));
}

TEST(XlmRobertaTokenizer, TakesSpecialTokensForPlainTextWhereTheSettingSaysSo) {
  const XlmRobertaTokenizer tokenizer(kTokenizer, {.special_tokens = SpecialTokens::plain});
  const std::int64_t mask = tokenizer.vocabulary_size() - 1;
  for (const char* typed : {"a <mask> b", "＜mask＞", "<s>", "</s><pad>", "＜s＞"}) {
    const std::vector<std::int64_t> ids = tokenizer.encode(typed).ids;
    EXPECT_THAT(std::vector(ids.begin() + 1, ids.end() - 1), Each(AllOf(Gt(2), Ne(mask)))) << typed;
  }
  EXPECT_EQ(tokenizer.encode("a red apple").ids,
            XlmRobertaTokenizer(kTokenizer).encode("a red apple").ids);
}

TEST(XlmRobertaTokenizer, KeepsTheEndWhenItCuts) {
  const XlmRobertaTokenizer tokenizer(kTokenizer);
  std::string words;
  for (int i = 0; i < 100; ++i) words += "cat ";
  const Tokens tokens = tokenizer.encode(words);
  EXPECT_TRUE(tokens.truncated);
  EXPECT_EQ(static_cast<int>(tokens.ids.size()), tokenizer.max_length());
  EXPECT_EQ(tokens.ids.front(), 0);
  EXPECT_EQ(tokens.ids.back(), 2);
}

TEST(XlmRobertaTokenizer, NeverGivesAnIdBeyondItsVocabulary) {
  const XlmRobertaTokenizer tokenizer(kTokenizer);
  const Tokens tokens = tokenizer.encode("<mask> \U0010ffff");
  EXPECT_EQ(tokens.ids[1], tokenizer.vocabulary_size() - 1);
}

class TokenizerFiles : public testing::Test {
 protected:
  TokenizerFiles() {
    std::filesystem::copy_file(kTokenizer / "sentencepiece.bpe.model",
                               folder.path() / "sentencepiece.bpe.model");
  }
  test::Refused refusal_of_config(const std::string& json) const {
    folder.write("tokenizer_config.json", json);
    return test::refused([&] { XlmRobertaTokenizer{folder.path()}; });
  }
  test::TemporaryFolder folder;
};

TEST_F(TokenizerFiles, TakesTheConfigsThatTransformersWrites) {
  folder.write("tokenizer_config.json", R"({
    "add_prefix_space": true, "backend": "tokenizers", "bos_token": "<s>", "cls_token": "<s>",
    "eos_token": "</s>", "extra_special_tokens": ["<s>", "</s>"], "model_max_length": 77,
    "mask_token": {"__type": "AddedToken", "content": "<mask>", "lstrip": true},
    "added_tokens_decoder": {"0": {"content": "<s>"}, "1": {"content": "<pad>"}},
    "pad_token": "<pad>", "sep_token": "</s>", "tokenizer_class": "XLMRobertaTokenizer",
    "unk_token": "<unk>", "sp_model_kwargs": {}})");
  EXPECT_EQ(XlmRobertaTokenizer(folder.path()).max_length(), 77);
}

TEST_F(TokenizerFiles, RefusesWhatItWouldHaveToIgnore) {
  for (const char* key :
       {R"("bos_token":"[CLS]")", R"("mask_token":{"content":"[MASK]"})",
        R"("extra_special_tokens":{"image_token":"<i>"})", R"("do_lower_case":true)",
        R"("padding_side":"left")", R"("sp_model_kwargs":{"alpha":1})", R"("something_new":1)"}) {
    const test::Refused refused =
        refusal_of_config(R"({"model_max_length":8,)" + std::string(key) + "}");
    EXPECT_EQ(refused.code, ErrorCode::unsupported_model) << key;
    EXPECT_THAT(refused.param, Not(IsEmpty()));
    EXPECT_THAT(std::string(key), HasSubstr(refused.param));
  }
}

TEST_F(TokenizerFiles, GivesTokensOfTheConfigTheIdsBehindTheMask) {
  folder.write("tokenizer_config.json",
               R"({"model_max_length": 8, "extra_special_tokens": ["<extra>"]})");
  const XlmRobertaTokenizer tokenizer(folder.path());
  const std::int64_t size = XlmRobertaTokenizer(kTokenizer).vocabulary_size();
  EXPECT_THAT(tokenizer.encode("<extra>").ids, ElementsAre(0, size, 2));
  EXPECT_EQ(tokenizer.vocabulary_size(), size + 1);
}

TEST_F(TokenizerFiles, RefusesLengthsThatNoPromptCanHave) {
  for (const char* json : {"{}", R"({"model_max_length":0})", R"({"model_max_length":2})",
                           R"({"model_max_length":1000000000000000019884624838656})"}) {
    const test::Refused refused = refusal_of_config(json);
    EXPECT_EQ(refused.code, ErrorCode::invalid_model) << json;
    EXPECT_THAT(refused.message, HasSubstr("model_max_length"));
  }
}

TEST_F(TokenizerFiles, RefusesDamagedModels) {
  const std::string whole = read_file(kTokenizer / "sentencepiece.bpe.model", 1 << 20);
  for (const std::string& bytes : {std::string(), std::string("not a model"), whole.substr(0, 1000),
                                   whole.substr(0, whole.size() - 1), std::string(4096, '\xff')}) {
    folder.write("sentencepiece.bpe.model", bytes);
    const test::Refused refused = refusal_of_config(R"({"model_max_length":8})");
    EXPECT_EQ(refused.code, ErrorCode::invalid_model);
    EXPECT_THAT(refused.message, HasSubstr("sentencepiece.bpe.model"));
  }
}

TEST_F(TokenizerFiles, SaysThatTokenizerJsonAloneIsNotEnough) {
  std::filesystem::rename(folder.path() / "sentencepiece.bpe.model",
                          folder.path() / "tokenizer.json");
  const test::Refused refused = refusal_of_config(R"({"model_max_length":8})");
  EXPECT_EQ(refused.code, ErrorCode::invalid_model);
  EXPECT_THAT(refused.message, HasSubstr("sentencepiece.bpe.model: is missing"));
  EXPECT_THAT(refused.message, HasSubstr("tokenizer.json"));
}

TEST(XlmRobertaTokenizer, FindsUserDefinedPiecesFirstAndCutsEveryWordForItself) {
  const test::TemporaryFolder folder;
  folder.write("tokenizer_config.json", R"({"model_max_length": 16})");
  folder.write("sentencepiece.bpe.model",
               test::piece_field("<unk>", 0, 2) + test::piece_field("<s>", 0, 3) +
                   test::piece_field("</s>", 0, 3) + test::piece_field("▁", -1) +
                   test::piece_field("a", -1) + test::piece_field("b", -1) +
                   test::piece_field("a▁b", 0) + test::piece_field("aba", -9, 4));
  const XlmRobertaTokenizer tokenizer(folder.path());
  EXPECT_THAT(tokenizer.encode("a▁b").ids, ElementsAre(0, 4, 5, 4, 6, 2));
  EXPECT_THAT(tokenizer.encode("abab").ids, ElementsAre(0, 8, 4, 6, 2));
}

TEST(LoadTokenizer, RefusesClassesThatItDoesNotKnow) {
  const test::Refused refused = test::refused([] { load_tokenizer(kTokenizer, "GPT2Tokenizer"); });
  EXPECT_EQ(refused.code, ErrorCode::unsupported_model);
  EXPECT_THAT(refused.message, HasSubstr("GPT2Tokenizer"));
}

}  // namespace
}  // namespace bafa::text
