#include "text/unicode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace bafa::text {
namespace {

using testing::ElementsAre;

std::string lower(char32_t c) {
  std::string text;
  append_lower(c, text);
  return text;
}

TEST(Unicode, KnowsLettersAndNumbersOf16ButNotLaterOnes) {
  EXPECT_TRUE(is_letter(U'A') && is_letter(U'猫') && is_letter(U'ª'));
  EXPECT_TRUE(is_letter(0x2EBF0) && is_letter(0x16D40) && is_letter(0xA7DA));  // 15.1 and 16.0
  EXPECT_FALSE(is_letter(0xA7CF) || is_letter(U'1') || is_letter(0x301));      // the first: 17.0
  EXPECT_TRUE(is_number(U'1') && is_number(U'½') && is_number(U'Ⅷ') && is_number(0x116D0));
  EXPECT_FALSE(is_number(U'a') || is_number(U'!'));
}

TEST(Unicode, KnowsSpaces) {
  for (const char32_t c : {U' ', U'\t', U'\u0085', U'\u00a0', U'\u2028', U'\u3000'})
    EXPECT_TRUE(is_space(c));
  for (const char32_t c : {U'\u200b', U'\u180e', U'\x1f', U'\ufeff', U'a'})
    EXPECT_FALSE(is_space(c));
}

TEST(Unicode, LowersOneCharacterAtATime) {
  EXPECT_EQ(lower(U'A'), "a");
  EXPECT_EQ(lower(U'Σ'), "σ");
  EXPECT_EQ(lower(U'ẞ'), "ß");
  EXPECT_EQ(lower(U'\u0130'), "i\u0307");
  EXPECT_EQ(lower(0x212A), "k");
  EXPECT_EQ(lower(0xA7CB), "\u0264");       // 16.0
  EXPECT_EQ(lower(0x16EA0), "\U00016ebb");  // 17.0
  EXPECT_EQ(lower(U'\u4e00'), "\u4e00");
}

TEST(Unicode, ComposesAsUnicode9Does) {
  EXPECT_EQ(nfc("e\u0301"), "\u00e9");
  EXPECT_EQ(nfc("q\u0307\u0323"), "q\u0323\u0307");
  EXPECT_EQ(nfc("\u1112\u1161\u11ab"), "\ud55c");
  EXPECT_EQ(nfc("\u0958"), "\u0915\u093c");
  // Of Unicode 14: to the reference it is no mark, and stops what would go past it.
  EXPECT_EQ(nfc("a\u0898\u0323"), "a\u0898\u0323");
  EXPECT_EQ(nfc("a\u0898\u0301"), "a\u0898\u0301");
}

TEST(Unicode, FindsTheEndsOfGraphemes) {
  EXPECT_THAT(grapheme_ends("ae\u0301\r\nb"), ElementsAre(1, 4, 6, 7));
  EXPECT_THAT(grapheme_ends("\U0001F1E8\U0001F1F3\U0001F1E8"), ElementsAre(8, 12));
  EXPECT_THAT(grapheme_ends("a\u0897b"), ElementsAre(4, 5));  // of 16.0
  EXPECT_THAT(grapheme_ends("\u0915\u094d\u0937\u093f\u0915"), ElementsAre(12, 15));
  EXPECT_THAT(grapheme_ends("\u1000\u1039\u1001\u1000"), ElementsAre(9, 12));  // since 16.0
  EXPECT_THAT(grapheme_ends(""), ElementsAre());
}

TEST(Unicode, WalksThroughCharacters) {
  const std::string text = "a猫\U0001F34E";
  std::size_t at = 0;
  EXPECT_EQ(next_character(text, at), U'a');
  EXPECT_EQ(next_character(text, at), U'猫');
  EXPECT_EQ(next_character(text, at), U'🍎');
  EXPECT_EQ(at, text.size());
}

}  // namespace
}  // namespace bafa::text
