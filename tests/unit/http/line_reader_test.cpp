#include "http/line_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace bafa::http {
namespace {

constexpr std::size_t kLimit = 16;

std::string letters(std::size_t count) { return std::string(count, 'a'); }

// The status of the last piece; every piece before it must ask for more.
LineStatus read_pieces(LineReader& reader, std::initializer_list<std::string_view> pieces) {
  LineStatus status = LineStatus::partial;
  for (std::string_view piece : pieces) {
    EXPECT_EQ(status, LineStatus::partial);
    status = reader.read(piece, kLimit);
  }
  return status;
}

TEST(LineReader, TakesOneLineAndLeavesWhatFollows) {
  LineReader reader;
  std::string_view bytes = "first\r\n\r\nrest";
  EXPECT_EQ(reader.read(bytes, kLimit), LineStatus::complete);
  EXPECT_EQ(reader.line(), "first");
  EXPECT_EQ(reader.read(bytes, kLimit), LineStatus::complete);
  EXPECT_EQ(reader.line(), "");
  EXPECT_EQ(bytes, "rest");
}

TEST(LineReader, JoinsPiecesWhereverTheyAreCut) {
  const std::string text = "a line\r\n";
  for (std::size_t cut = 0; cut < text.size(); ++cut) {
    LineReader reader;
    const auto whole = std::string_view(text);
    EXPECT_EQ(read_pieces(reader, {whole.substr(0, cut), whole.substr(cut)}), LineStatus::complete)
        << cut;
    EXPECT_EQ(reader.line(), "a line") << cut;
  }
}

TEST(LineReader, RefusesLinesThatTwoReadersCouldEndDifferently) {
  for (const std::string_view bytes : {"a\n", "\n", "a\rb\r\n", "\r\r\n", "a\r\r\n"}) {
    LineReader reader;
    EXPECT_EQ(read_pieces(reader, {bytes}), LineStatus::malformed) << bytes;
  }
  LineReader reader;
  EXPECT_EQ(read_pieces(reader, {"a\r", "b\r\n"}), LineStatus::malformed);
}

TEST(LineReader, RefusesControlCharactersButTheTab) {
  for (char c = 0; c < 0x20; ++c) {
    if (c == '\r' || c == '\n' || c == '\t') continue;
    LineReader reader;
    EXPECT_EQ(read_pieces(reader, {std::string("a") + c}), LineStatus::malformed) << int{c};
  }
  LineReader reader;
  EXPECT_EQ(read_pieces(reader, {"\x7f"}), LineStatus::malformed);
  EXPECT_EQ(read_pieces(reader, {"\ta\xC3\xA4"}), LineStatus::partial);
}

TEST(LineReader, CountsTheLineEndIntoTheLimit) {
  LineReader fits;
  EXPECT_EQ(read_pieces(fits, {letters(kLimit - 2) + "\r\n"}), LineStatus::complete);
  LineReader too_long;
  EXPECT_EQ(read_pieces(too_long, {letters(kLimit - 1) + "\r\n"}), LineStatus::too_long);
}

TEST(LineReader, StopsAtItsLimitBeforeTheLineEnds) {
  LineReader whole;
  EXPECT_EQ(read_pieces(whole, {letters(kLimit + 1)}), LineStatus::too_long);
  LineReader pieces;
  EXPECT_EQ(read_pieces(pieces, {letters(kLimit), "a"}), LineStatus::too_long);
}

TEST(LineReader, ShowsHowALineBeginsThatCameTooLongInOnePiece) {
  LineReader reader;
  EXPECT_EQ(read_pieces(reader, {"GET /" + letters(100) + "\r\n"}), LineStatus::too_long);
  EXPECT_EQ(reader.line(), "GET /" + letters(kLimit - 5));
}

TEST(LineReader, CallsGarbageMalformedRatherThanLong) {
  LineReader reader;
  EXPECT_EQ(read_pieces(reader, {"\x16\x03\x01 " + letters(100)}), LineStatus::malformed);
}

TEST(Token, IsWhatFieldNamesAreMadeOf) {
  for (const std::string_view good : {"Host", "x-y_z", "!#$%&'*+-.^`|~09"})
    EXPECT_TRUE(is_token(good));
  for (const std::string_view bad : {"", "a b", "a:", "a\t", "\xC3\xA4", "(a)", "a/b", "\"a\""})
    EXPECT_FALSE(is_token(bad)) << bad;
}

TEST(TrimBlanks, TakesSpacesAndTabsOffBothEnds) {
  EXPECT_EQ(trim_blanks(" \t a b\t "), "a b");
  EXPECT_EQ(trim_blanks(" \t "), "");
  EXPECT_EQ(trim_blanks(""), "");
}

}  // namespace
}  // namespace bafa::http
