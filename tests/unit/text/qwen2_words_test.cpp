#include "text/qwen2_words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bafa::text {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Qwen2Words, CutOffEndingsInAnyCase) {
  EXPECT_THAT(words_of_qwen2("it's WE'LL"), ElementsAre("it", "'s", " WE", "'LL"));
  EXPECT_THAT(words_of_qwen2("'\u017F'x"), ElementsAre("'\u017F", "'x"));
  EXPECT_THAT(words_of_qwen2("''s"), ElementsAre("''", "s"));
}

TEST(Qwen2Words, TakeOneCharacterBeforeAWordAlong) {
  EXPECT_THAT(words_of_qwen2("a b\tc-d"), ElementsAre("a", " b", "\tc", "-d"));
  EXPECT_THAT(words_of_qwen2("\nd 1e"), ElementsAre("\n", "d", " ", "1", "e"));
}

TEST(Qwen2Words, TakeNumbersOneByOne) {
  EXPECT_THAT(words_of_qwen2("12\u00BD"), ElementsAre("1", "2", "\u00BD"));
}

TEST(Qwen2Words, TakeSignsWithASpaceBeforeAndLinesEndsBehind) {
  EXPECT_THAT(words_of_qwen2("a !?\r\n\n b"), ElementsAre("a", " !?\r\n\n", " b"));
}

TEST(Qwen2Words, LeaveTheLastSpaceOfARunToWhatFollows) {
  EXPECT_THAT(words_of_qwen2("a   b"), ElementsAre("a", "  ", " b"));
  EXPECT_THAT(words_of_qwen2("a   1"), ElementsAre("a", "  ", " ", "1"));
  EXPECT_THAT(words_of_qwen2("a   "), ElementsAre("a", "   "));
  EXPECT_THAT(words_of_qwen2("a \n \n  b"), ElementsAre("a", " \n \n", " ", " b"));
  EXPECT_THAT(words_of_qwen2(" "), ElementsAre(" "));
  EXPECT_THAT(words_of_qwen2(""), IsEmpty());
}

}  // namespace
}  // namespace bafa::text
