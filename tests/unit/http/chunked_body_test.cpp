#include "http/chunked_body.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace bafa::http {
namespace {

constexpr std::size_t kMaxBody = 1000;

struct Decoded {
  int status = 0;  // 0: more is needed; 200: whole; else that of the refusal
  std::string body;
  std::size_t unread = 0;  // bytes behind the body
};

Decoded decode(std::string_view bytes, std::size_t piece_bytes = std::string_view::npos,
               std::size_t max_body = kMaxBody) {
  ChunkedDecoder decoder(max_body);
  Decoded decoded;
  while (!bytes.empty() && !decoder.finished() && !decoder.refusal()) {
    std::string_view piece = bytes.substr(0, piece_bytes);
    const std::size_t size = piece.size();
    decoder.feed(piece, decoded.body);
    bytes.remove_prefix(size - piece.size());
  }
  decoded.unread = bytes.size();
  if (decoder.finished()) decoded.status = 200;
  if (decoder.refusal()) decoded.status = mapping_of(decoder.refusal()->code).status;
  return decoded;
}

std::string repeated(std::string_view piece, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += piece;
  return text;
}

TEST(ChunkedBody, JoinsItsChunksAndLeavesWhatFollows) {
  const Decoded decoded = decode("3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\nGET /");
  EXPECT_EQ(decoded.status, 200);
  EXPECT_EQ(decoded.body, "abc0123456789");
  EXPECT_EQ(decoded.unread, 5u);
}

TEST(ChunkedBody, MeansTheSameHoweverItIsCut) {
  const std::string text = "5;x=\"y\"\r\na\r\nbc\r\n0003\r\nxyz\r\n000\r\nTrailer: t\r\n\r\n";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    EXPECT_EQ(decode(text, piece).status, 200) << piece;
    EXPECT_EQ(decode(text, piece).body, "a\r\nbcxyz") << piece;
  }
}

TEST(ChunkedBody, NeedsItsLastChunkAndItsEnd) {
  for (const char* text :
       {"", "3", "3\r\n", "3\r\nab", "3\r\nabc", "3\r\nabc\r\n", "0\r\n", "0\r\nTrailer: t\r\n"})
    EXPECT_EQ(decode(text).status, 0) << text;
}

TEST(ChunkedBody, RefusesSizesThatAreNotPlainHexadecimal) {
  for (const char* size : {"", " 3", "-3", "+3", "0x3", "g", "3 3", "3,", "3\n", "3.0",
                           "FFFFFFFFFFFFFFFF", "10000000000000003", "0000000000000000000003"})
    EXPECT_EQ(decode(std::string(size) + "\r\nabc\r\n0\r\n\r\n").status, 400) << size;
}

TEST(ChunkedBody, RefusesABodyAboveItsLimitBeforeItIsStored) {
  EXPECT_EQ(decode("3E8\r\n" + std::string(1000, 'a') + "\r\n0\r\n\r\n").status, 200);
  const Decoded one = decode("3E9\r\n" + std::string(1001, 'a'));
  EXPECT_EQ(one.status, 413);
  EXPECT_EQ(one.body, "");
  EXPECT_EQ(decode("3E8\r\n" + std::string(1000, 'a') + "\r\n1\r\n").status, 413);
  EXPECT_EQ(decode("7FFFFFFFFFFFFFF\r\n").status, 413) << "no sum of sizes may overflow";
}

TEST(ChunkedBody, RefusesAChunkThatIsNotAsLongAsItSays) {
  EXPECT_EQ(decode("2\r\nabc\r\n0\r\n\r\n").status, 400);
  EXPECT_EQ(decode("4\r\nabc\r\n0\r\n\r\n").status, 400);
  EXPECT_EQ(decode("3\r\nabc\n0\r\n\r\n").status, 400);
}

TEST(ChunkedBody, RefusesLongExtensionsAndTrailers) {
  EXPECT_EQ(decode("3;" + std::string(1 << 20, 'x') + "\r\nabc\r\n0\r\n\r\n").status, 400);
  EXPECT_EQ(decode("0\r\nT: " + std::string(300, 'x') + "\r\n\r\n").status, 400);
  EXPECT_EQ(decode("0\r\nno trailer\r\n\r\n").status, 400);
  EXPECT_EQ(decode("0\r\n folded: x\r\n\r\n").status, 400);
}

TEST(ChunkedBody, RefusesFramingThatOutweighsWhatItCarries) {
  const Decoded drops = decode(repeated("1\r\na\r\n", 1'000'000), 65536, 1 << 20);
  EXPECT_EQ(drops.status, 400);
  EXPECT_LT(drops.body.size(), 10'000u);
  EXPECT_EQ(decode("0\r\n" + repeated("T: x\r\n", 10'000)).status, 400) << "endless trailers";
  EXPECT_EQ(decode(repeated("8\r\n12345678\r\n", 10'000) + "0\r\n\r\n", 65536, 1 << 20).status, 200)
      << "small chunks are no crime";
}

}  // namespace
}  // namespace bafa::http
