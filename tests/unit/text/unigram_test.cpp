#include "text/unigram.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace bafa::text {
namespace {

using testing::ElementsAre;

// Pieces with their scores, numbered from 1; 0 is unknown.
std::vector<std::int64_t> encode(std::string_view word,
                                 const std::vector<std::pair<std::string, double>>& scored) {
  std::map<std::string, Unigram::Piece, std::less<>> pieces;
  double worst = 0;
  for (const auto& [text, score] : scored) {
    const auto id = static_cast<std::int64_t>(pieces.size() + 1);
    pieces[text] = {.id = id, .score = score};
    worst = std::min(worst, score);
  }
  const Unigram unigram({.find = [&](std::string_view text) -> std::optional<Unigram::Piece> {
                           const auto found = pieces.find(text);
                           if (found == pieces.end()) return std::nullopt;
                           return found->second;
                         },
                         .longest = 4,
                         .worst = worst},
                        0);
  std::vector<std::int64_t> ids;
  unigram.encode(word, ids);
  return ids;
}

TEST(Unigram, TakesTheWayWithTheBestSum) {
  const std::vector<std::pair<std::string, double>> pieces{
      {"a", -1}, {"b", -1}, {"ab", -1.5}, {"bc", -0.5}, {"c", -3}};
  EXPECT_THAT(encode("ab", pieces), ElementsAre(3));
  EXPECT_THAT(encode("abc", pieces), ElementsAre(1, 4));
}

TEST(Unigram, TakesTheFirstFoundOfEqualWays) {
  EXPECT_THAT(encode("aaa", {{"a", -1}, {"aa", -2}}), ElementsAre(1, 2));
}

// In float the two ways are equal, and the first would win.
TEST(Unigram, SumsInDouble) {
  EXPECT_THAT(encode("ab", {{"ab", -16777216}, {"a", -16777216}, {"b", 0.5}}), ElementsAre(2, 3));
}

TEST(Unigram, GivesOneUnknownForARun) {
  EXPECT_THAT(encode("a猫猫ba", {{"a", -1}}), ElementsAre(1, 0, 1));
}

TEST(Unigram, TriesNoMoreThanTheLongestPiece) {
  EXPECT_THAT(encode("猫猫", {{"猫", -9}, {"猫猫", -1}}), ElementsAre(1, 1));
}

TEST(Unigram, TakesTheWorstPieceBeforeAnUnknown) {
  EXPECT_THAT(encode("axya", {{"x", -90}, {"xy", -95}, {"a", 100}}), ElementsAre(3, 2, 3));
  EXPECT_THAT(encode("axya", {{"x", -90}, {"y", -95}, {"a", 100}}), ElementsAre(3, 1, 2, 3));
}

TEST(Unigram, GivesNothingForNothing) { EXPECT_THAT(encode("", {{"a", -1}}), ElementsAre()); }

}  // namespace
}  // namespace bafa::text
