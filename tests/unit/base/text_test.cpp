#include "base/text.h"

#include <gtest/gtest.h>

namespace bafa {
namespace {

TEST(Utf8, TakesEveryLengthOfCharacter) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("apple"));
  EXPECT_TRUE(is_utf8("\u00e9\u4e00\U0001F34E"));
  EXPECT_TRUE(is_utf8("\uD7FF\uE000\U0010FFFF"));
}

TEST(Utf8, RefusesWhatIsNotWellFormed) {
  for (const std::string_view bad : {
           "\x80",              // a continuation alone
           "\xC0\xAF",          // overlong slash
           "\xE0\x80\xAF",      // the same in three bytes
           "\xF0\x80\x80\xAF",  // and in four
           "\xED\xA0\x80",      // a surrogate
           "\xF4\x90\x80\x80",  // beyond U+10FFFF
           "\xF5\x80\x80\x80",
           "\xFF",
           "\xE4\xB8",  // cut
           "\xE4\x41\x41",
       }) {
    EXPECT_FALSE(is_utf8(bad)) << testing::PrintToString(bad);
  }
}

TEST(Utf8, CountsTheBytesBeforeTheMistake) { EXPECT_EQ(valid_utf8_bytes("\u4e00ab\xFFgh"), 5u); }

TEST(Printable, ReplacesControlsBadBytesAndDirectionOverrides) {
  EXPECT_EQ(printable("a\r\nb\x1b[31m"), "a??b?[31m");
  EXPECT_EQ(printable("\xFFok\u202Egnp"), "?ok?gnp");
  EXPECT_EQ(printable("\u4e00\u53ea\u732b"), "\u4e00\u53ea\u732b");
}

TEST(Printable, CutsAtACharacterBoundary) {
  EXPECT_EQ(printable("\u4e00\u53ea\u732b", 7), "\u4e00\u53ea");
  EXPECT_EQ(printable(std::string(1000, 'x'), 10), "xxxxxxxxxx");
}

TEST(NearestWord, FindsTheSmallestMistake) {
  const std::vector<std::string> known = {"steps", "seed", "guidance_scale"};
  EXPECT_EQ(nearest_word("step", known), "steps");
  EXPECT_EQ(nearest_word("sede", known), "");  // two changes are too many for four letters
  EXPECT_EQ(nearest_word("guidence_scal", known), "guidance_scale");
  EXPECT_EQ(nearest_word("prompt", known), "");
}

TEST(NearestWord, DoesNotMeasureAHostileMegabyte) {
  EXPECT_EQ(nearest_word(std::string(10'000'000, 'a'), {"steps", std::string(9'000'000, 'b')}), "");
}

}  // namespace
}  // namespace bafa
