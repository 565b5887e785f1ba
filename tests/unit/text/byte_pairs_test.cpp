#include "text/byte_pairs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "support/refused.h"
#include "text/unicode.h"

namespace bafa::text {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using Merges = std::vector<std::pair<std::string, std::string>>;

// The letters of `letters` alone and at a word's end, the merges' results, and <unk> as the last.
BytePairFiles files_of(const std::string& letters, const Merges& merges, bool with_unknown = true) {
  BytePairFiles files{.vocabulary = {}, .merges = merges, .source = "merges.txt"};
  const auto add = [&](const std::string& token) {
    files.vocabulary.emplace(token, static_cast<std::int64_t>(files.vocabulary.size()));
  };
  for (const char letter : letters) add(std::string(1, letter));
  for (const char letter : letters) add(std::string(1, letter) + "/");
  for (const auto& [left, right] : merges) add(left + right);
  if (with_unknown) add("<unk>");
  return files;
}

std::vector<std::int64_t> encode(const BytePairFiles& files, const std::string& word) {
  std::vector<std::int64_t> ids;
  BytePairs(files, {.word_end = "/", .unknown = "<unk>"}).encode(word, ids);
  return ids;
}

TEST(BytePairs, JoinsTheFirstLearntPairFirst) {
  const BytePairFiles files = files_of("abc", {{"b", "c/"}, {"a", "b"}});
  EXPECT_THAT(encode(files, "abc"), ElementsAre(0, files.vocabulary.at("bc/")));
  const BytePairFiles turned = files_of("abc", {{"a", "b"}, {"b", "c/"}});
  EXPECT_THAT(encode(turned, "abc"), ElementsAre(turned.vocabulary.at("ab"), 5));
}

TEST(BytePairs, JoinsEqualPairsFromTheLeft) {
  const BytePairFiles files = files_of("a", {{"a", "a"}});
  EXPECT_THAT(encode(files, "aaaa"), ElementsAre(2, 0, 1));  // the last has the word's end
}

TEST(BytePairs, LeavesAloneWhatBecamePartOfAnother) {
  const BytePairFiles files =
      files_of("abcde", {{"a", "b"}, {"b", "c"}, {"d", "e/"}, {"c", "de/"}});
  EXPECT_THAT(encode(files, "abcde"),
              ElementsAre(files.vocabulary.at("ab"), files.vocabulary.at("cde/")));
}

TEST(BytePairs, JoinsWhatWasJoined) {
  const BytePairFiles files = files_of("ab", {{"a", "b"}, {"ab", "ab/"}, {"a", "b/"}});
  EXPECT_THAT(encode(files, "abab"), ElementsAre(files.vocabulary.at("abab/")));
}

TEST(BytePairs, GivesOneUnknownTokenForEachUnknownByte) {
  const BytePairFiles files = files_of("a", {});
  const std::int64_t unknown = files.vocabulary.at("<unk>");
  EXPECT_THAT(encode(files, "a\u00e9"), ElementsAre(0, unknown, unknown));
}

TEST(BytePairs, WritesUnprintableBytesInGpt2sAlphabet) {
  BytePairFiles files = files_of("a", {});
  files.vocabulary["\u0100/"] = 100;  // the byte 0
  files.vocabulary["\u0143"] = 101;   // 0xAD, the last of those that stand for none
  EXPECT_THAT(encode(files, std::string("\xad\0", 2)), ElementsAre(101, 100));
}

TEST(BytePairs, GivesNothingForNothing) { EXPECT_TRUE(encode(files_of("a", {}), "").empty()); }

TEST(BytePairs, RefusesMergesOfTokensThatAreNotThere) {
  BytePairFiles files = files_of("ab", {{"a", "b"}});
  files.vocabulary.erase("ab");
  const auto refused =
      test::refused([&] { BytePairs(files, {.word_end = "/", .unknown = "<unk>"}); });
  EXPECT_EQ(refused.code, ErrorCode::invalid_model);
  EXPECT_THAT(refused.message, HasSubstr("merges.txt: merge 1 needs the token ab"));
}

TEST(BytePairs, RefusesAVocabularyThatCannotSayEveryByte) {
  const BytePairFiles files = files_of("ab", {}, false);
  const auto refused =
      test::refused([&] { BytePairs(files, {.word_end = "/", .unknown = "<unk>"}); });
  EXPECT_EQ(refused.code, ErrorCode::invalid_model);
  EXPECT_THAT(refused.message, HasSubstr("unknown token <unk>"));
}

}  // namespace
}  // namespace bafa::text
