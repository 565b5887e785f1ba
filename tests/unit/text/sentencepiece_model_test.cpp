#include "text/sentencepiece_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "base/files.h"
#include "support/refused.h"
#include "support/sentencepiece_proto.h"

namespace bafa::text {
namespace {

using test::bytes_field;
using test::number_field;
using test::piece_field;
using testing::HasSubstr;

std::string fixture() {
  return read_file("tests/golden/data/alt_diffusion/tokenizer/sentencepiece.bpe.model", 1 << 20);
}

TEST(SentencePieceModel, KnowsItsPieces) {
  const SentencePieceModel model(fixture(), "fixture");
  ASSERT_EQ(model.size(), 99);
  EXPECT_EQ(model.text(0), "<unk>");
  EXPECT_FALSE(model.is_added(0));
  EXPECT_EQ(model.text(1), "<s>");
  EXPECT_TRUE(model.is_added(1));
  EXPECT_LT(model.score(98), model.score(3));
  for (const int piece : {0, 1, 98}) EXPECT_EQ(model.find(model.text(piece)), piece);
  EXPECT_EQ(model.find("<pad>"), std::nullopt);
}

TEST(SentencePieceModel, TellsPiecesThatItsMakerDefined) {
  const SentencePieceModel model(piece_field("<unk>", 0, 2) + piece_field("ab", -1) +
                                     piece_field("abc", -1, 4) + piece_field("猫▁", -1, 4),
                                 "test");
  EXPECT_FALSE(model.is_added(1));
  EXPECT_TRUE(model.is_added(2));
  EXPECT_TRUE(model.is_added(3));
}

TEST(SentencePieceModel, KeepsSpacesWhenItNormalises) {
  const SentencePieceModel model(fixture(), "fixture");
  EXPECT_EQ(model.normalize("  Ａ\t ①▁ "), "  A  1  ");
  EXPECT_EQ(model.normalize(std::string("a\0b\x01", 4)), std::string("a\0b", 3));
  EXPECT_EQ(model.normalize(""), "");
}

TEST(SentencePieceModel, ChangesNothingWithoutATable) {
  const SentencePieceModel model(piece_field("<unk>", 0, 2) + piece_field("a", -1), "test");
  EXPECT_EQ(model.normalize(" Ａ①"), " Ａ①");
}

TEST(SentencePieceModel, RefusesDamage) {
  const std::string whole = fixture();
  const std::string unknown = piece_field("<unk>", 0, 2);
  const float infinity = std::numeric_limits<float>::infinity();
  std::vector<std::pair<std::string, std::string>> damaged{
      {"", ""},
      {"not a model", ""},
      {unknown + bytes_field(1, ""), "empty"},
      {unknown + piece_field("a", -1) + piece_field("a", -1), "already defined"},
      {unknown + piece_field("a", -1) + piece_field("a", -1, 3), "has the text of another"},
      {unknown + piece_field("\xff", -1), "piece 1 is not UTF-8"},
      {unknown + piece_field("a", infinity), "score"},
      {unknown + piece_field("a", infinity - infinity), "score"},
      {unknown + bytes_field(3, bytes_field(2, "abcdef")), ""},
      {piece_field("a", -1), "unk is not defined"}};
  for (std::size_t cut = 1; cut < 20; ++cut)
    damaged.emplace_back(whole.substr(0, whole.size() - cut), "");
  for (const auto& [bytes, why] : damaged) {
    const auto refused = test::refused([&] { SentencePieceModel(bytes, "file"); });
    EXPECT_EQ(refused.code, ErrorCode::invalid_model) << why << bytes.size();
    EXPECT_THAT(refused.message, HasSubstr("file: not a sentencepiece model"));
    EXPECT_THAT(refused.message, HasSubstr(why));
  }
}

}  // namespace
}  // namespace bafa::text
