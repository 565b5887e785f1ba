#include "text/grapheme_normalizer.h"

#include <gtest/gtest.h>

#include "base/files.h"

namespace bafa::text {
namespace {

// By its table, which is nmt_nfkc of the sentencepiece library.
std::string normalized(std::string_view text) {
  static const SentencePieceModel kModel(
      read_file("tests/golden/data/alt_diffusion/tokenizer/sentencepiece.bpe.model", 1 << 20),
      "fixture");
  return normalize_graphemes(kModel, text);
}

TEST(GraphemeNormalizer, ReplacesWhatTheTableHas) {
  EXPECT_EQ(normalized("Ａ１ ①②\t㎏"), "A1 12 kg");
  EXPECT_EQ(normalized("e\u0301"), "\u00e9");
  EXPECT_EQ(normalized(" a  b "), " a  b ");
  EXPECT_EQ(normalized(""), "");
}

TEST(GraphemeNormalizer, LosesWhatFollowsTheShortestEntryInAGraphemeOfLessThanSixBytes) {
  EXPECT_EQ(normalized("\uff45\u0301"), "e");
  EXPECT_EQ(normalized("\u0041\u0302\u0301"), "\u00c2");  // not U+1EA4, which has both marks
}

TEST(GraphemeNormalizer, TakesLongerGraphemesCharacterByCharacter) {
  EXPECT_EQ(normalized("\uff45\u20d0"), "e\u20d0");
  EXPECT_EQ(normalized("\uff45\u0301\u0301"), "e\u0301\u0301");
  EXPECT_EQ(normalized("\u1112\u1161\u11ab"), "\u1112\u1161\u11ab");
  // A conjunct: alone, the last consonant and its mark are of five bytes.
  EXPECT_EQ(normalized("\u0915\u1039\u0958\u0301"), "\u0915\u1039\u0915\u093c\u0301");
  EXPECT_EQ(normalized("\u0958\u0301"), "\u0915\u093c");
}

TEST(GraphemeNormalizer, LooksPastMarksThatTheTableLacks) {
  EXPECT_EQ(normalized("q\u0307"), "q\u0307");
  EXPECT_EQ(normalized("x\u0344"), "x\u0308\u0301");
}

}  // namespace
}  // namespace bafa::text
