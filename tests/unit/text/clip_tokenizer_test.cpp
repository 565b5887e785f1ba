#include "text/clip_tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/files.h"
#include "support/refused.h"
#include "support/temporary_folder.h"

namespace bafa::text {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;

const std::filesystem::path kData = "tests/golden/data/clip";

nlohmann::json golden() { return nlohmann::json::parse(read_file(kData / "tokens.json", 1 << 20)); }

class ClipTokenizerLayout : public testing::TestWithParam<std::string> {};

TEST_P(ClipTokenizerLayout, GivesTheReferencesIdsForOddPrompts) {
  const ClipTokenizer tokenizer(kData / GetParam());
  const nlohmann::json table = golden();
  ASSERT_EQ(table["prompts"].size(), 120u);
  for (const nlohmann::json& each : table["prompts"]) {
    const Tokens tokens = tokenizer.encode(each["text"].get<std::string>());
    EXPECT_THAT(tokens.ids, ElementsAreArray(each[GetParam()].get<std::vector<std::int64_t>>()))
        << each["text"];
    const auto cut = each["truncated"].get<std::vector<std::string>>();
    EXPECT_EQ(tokens.truncated, std::ranges::find(cut, GetParam()) != cut.end()) << each["text"];
  }
}

TEST_P(ClipTokenizerLayout, KnowsThePadAndTheSizeThatTheReferenceKnows) {
  const ClipTokenizer tokenizer(kData / GetParam());
  const nlohmann::json facts = golden()["tokenizers"][GetParam()];
  EXPECT_EQ(tokenizer.pad_id(), facts["pad_id"].get<std::int64_t>());
  EXPECT_EQ(tokenizer.vocabulary_size(), facts["vocabulary_size"].get<std::int64_t>());
  EXPECT_EQ(tokenizer.max_length(), 24);
}

INSTANTIATE_TEST_SUITE_P(OfCheckpoints, ClipTokenizerLayout,
                         testing::Values("tokenizer", "tokenizer_2", "tokenizer_json"),
                         [](const auto& each) { return each.param; });

TEST(ClipTokenizer, MakesEveryExclamationMarkThePadWhereThatPads) {
  const auto at_second = [](const char* folder) {
    return ClipTokenizer(kData / folder).encode("a!").ids[2];
  };
  EXPECT_EQ(at_second("tokenizer"), 256);  // the sign at a word's end
  EXPECT_EQ(at_second("tokenizer_2"), 0);
}

TEST(ClipTokenizer, TakesSpecialTokensThatAPromptSpellsAsTextWhenToldSo) {
  const ClipTokenizer matching(kData / "tokenizer_2");
  const ClipTokenizer plain(kData / "tokenizer_2", {.special_tokens = SpecialTokens::plain});
  const std::int64_t end = matching.vocabulary_size() - 1;
  const auto ends = [&](const Tokens& tokens) { return std::ranges::count(tokens.ids, end); };
  EXPECT_EQ(ends(matching.encode("a<|endoftext|> b")), 2);
  EXPECT_EQ(ends(plain.encode("a<|endoftext|> b")), 1);
  EXPECT_EQ(plain.encode("a!").ids[2], 256);  // the pad is a sign again
  EXPECT_EQ(plain.encode("a photo of a cat").ids, matching.encode("a photo of a cat").ids);
}

TEST(ClipTokenizer, KeepsTheEndWhenItCuts) {
  const ClipTokenizer tokenizer(kData / "tokenizer");
  std::string words;
  for (int i = 0; i < 100; ++i) words += "cat ";
  const Tokens tokens = tokenizer.encode(words);
  EXPECT_TRUE(tokens.truncated);
  EXPECT_EQ(static_cast<int>(tokens.ids.size()), tokenizer.max_length());
  EXPECT_EQ(tokens.ids.front(), tokenizer.vocabulary_size() - 2);
  EXPECT_EQ(tokens.ids.back(), tokenizer.vocabulary_size() - 1);
}

TEST(ClipTokenizer, IsNotHeldUpByAPromptOfOneWordOrOfMarksAlone) {
  const ClipTokenizer tokenizer(kData / "tokenizer");
  std::string marks;
  for (int i = 0; i < 2048; ++i) marks += i % 2 == 0 ? "\u0301" : "\u0323";
  const auto start = std::chrono::steady_clock::now();
  for (const std::string& text : {std::string(4096, 'a'), marks})
    EXPECT_TRUE(tokenizer.encode(text).truncated);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
}

// Copies of the fixtures' files, of which a test replaces one.
class ClipTokenizerFiles : public testing::Test {
 protected:
  void copy(const std::string& layout) const {
    for (const auto& entry : std::filesystem::directory_iterator(kData / layout))
      std::filesystem::copy_file(entry.path(), folder.path() / entry.path().filename());
  }
  test::Refused refusal() const {
    return test::refused([&] { ClipTokenizer{folder.path()}; });
  }
  void expect_damaged(const std::string& file, const std::string& content,
                      const std::string& why) const {
    const std::string whole = read_file(folder.path() / file, 1 << 20);
    folder.write(file, content);
    const test::Refused refused = refusal();
    EXPECT_EQ(refused.code, ErrorCode::invalid_model) << content;
    EXPECT_THAT(refused.message, HasSubstr(file)) << content;
    EXPECT_THAT(refused.message, HasSubstr(why)) << content;
    folder.write(file, whole);
  }
  test::TemporaryFolder folder;
};

TEST_F(ClipTokenizerFiles, TakesTokenizerJsonBeforeTheOtherFiles) {
  copy("tokenizer_json");
  folder.write("vocab.json", "{");
  folder.write("merges.txt", "one");
  EXPECT_EQ(ClipTokenizer(folder.path()).pad_id(), 704);
}

TEST_F(ClipTokenizerFiles, ReadsMergesWithWindowsLineEnds) {
  copy("tokenizer");
  std::string merges;
  for (const char c : read_file(folder.path() / "merges.txt", 1 << 20))
    merges += c == '\n' ? std::string("\r\n") : std::string(1, c);
  folder.write("merges.txt", merges);
  EXPECT_EQ(ClipTokenizer(folder.path()).encode("a photo of a cat").ids,
            ClipTokenizer(kData / "tokenizer").encode("a photo of a cat").ids);
}

TEST_F(ClipTokenizerFiles, RefusesDamagedMerges) {
  copy("tokenizer");
  expect_damaged("merges.txt", "#version: 0.2\nc a\nc a t\n", "line 3");
  expect_damaged("merges.txt", "cat\n", "line 1");
  expect_damaged("merges.txt", "a\n\nb", "line 1");
  expect_damaged("merges.txt", "#version: 0.2\n\n", "line 2");
  expect_damaged("merges.txt", "c \xff\n", "UTF-8");
  expect_damaged("merges.txt", "r e\nzz y\n", "merge 2 needs the token zz");
  expect_damaged("merges.txt", "z y\n", "merge 1 needs the token zy");
}

TEST_F(ClipTokenizerFiles, RefusesDamagedVocabularies) {
  copy("tokenizer");
  expect_damaged("vocab.json", "", "");
  expect_damaged("vocab.json", "[]", "not a JSON object");
  expect_damaged("vocab.json", R"({"a": 1, "a": 2})", "");
  for (const char* id : {"-1", "1.5", "\"1\"", "1048576"})
    expect_damaged("vocab.json", std::string(R"({"a": )") + id + "}", "token a");
}

TEST_F(ClipTokenizerFiles, RefusesDamagedTokenizerJson) {
  copy("tokenizer_json");
  expect_damaged("tokenizer.json", R"({"added_tokens": {}})", "added_tokens");
  expect_damaged("tokenizer.json", R"({"added_tokens": [], "model": {"type": "WordPiece"}})",
                 "BPE");
  expect_damaged("tokenizer.json", R"({"added_tokens": [], "model": {"type": "BPE"}})",
                 "vocabulary");
  for (const char* merge : {"1", "\"a\"", "[\"a\"]", "[\"a\", 2]"})
    expect_damaged(
        "tokenizer.json",
        std::string(R"({"added_tokens": [], "model": {"vocab": {}, "merges": [)") + merge + "]}}",
        "model.merges[0]");
}

TEST_F(ClipTokenizerFiles, RefusesAFolderWithoutAVocabulary) {
  copy("tokenizer");
  std::filesystem::remove(folder.path() / "merges.txt");
  const test::Refused refused = refusal();
  EXPECT_EQ(refused.code, ErrorCode::invalid_model);
  EXPECT_THAT(refused.message, HasSubstr("merges.txt"));
}

TEST_F(ClipTokenizerFiles, RefusesWhatItWouldHaveToIgnore) {
  copy("tokenizer_2");
  for (const char* key : {R"("padding_side": "left")", R"("truncation_side": "left")",
                          R"("split_special_tokens": true)", R"("image_token": "<image>")"}) {
    folder.write("tokenizer_config.json", R"({"model_max_length": 77, )" + std::string(key) + "}");
    const test::Refused refused = refusal();
    EXPECT_EQ(refused.code, ErrorCode::unsupported_model) << key;
    EXPECT_THAT(std::string(key), HasSubstr(refused.param));
  }
}

TEST_F(ClipTokenizerFiles, RefusesASpecialTokenThatIsNotSet) {
  copy("tokenizer_2");
  for (const char* key : {"bos_token", "eos_token", "unk_token", "pad_token"}) {
    folder.write("tokenizer_config.json",
                 R"({"model_max_length": 77, ")" + std::string(key) + R"(": null})");
    const test::Refused refused = refusal();
    EXPECT_EQ(refused.code, ErrorCode::invalid_model) << key;
    EXPECT_EQ(refused.param, key);
  }
}

}  // namespace
}  // namespace bafa::text
