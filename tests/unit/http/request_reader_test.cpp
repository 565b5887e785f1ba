#include "http/request_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace bafa::http {
namespace {

using Stage = RequestReader::Stage;

const TransportConfig kLimits;

std::string post(std::string_view rest) {
  std::string text = "POST / HTTP/1.1\r\nHost: a\r\n";
  text += rest;
  return text;
}

TEST(RequestReader, PausesBetweenHeadAndBody) {
  RequestReader reader(kLimits);
  const std::string text = post("Content-Length: 3\r\n\r\nabcGET");
  std::string_view bytes = text;
  EXPECT_FALSE(reader.started());
  reader.feed(bytes);
  EXPECT_TRUE(reader.started());
  EXPECT_EQ(reader.stage(), Stage::head_read);
  EXPECT_EQ(bytes, "abcGET") << "whether the body is wanted is not decided yet";
  reader.expect_body();
  EXPECT_EQ(reader.stage(), Stage::body);
  reader.feed(bytes);
  EXPECT_EQ(reader.stage(), Stage::complete);
  EXPECT_EQ(reader.take_body(), "abc");
  EXPECT_EQ(bytes, "GET");
}

TEST(RequestReader, TakesABodyInPieces) {
  RequestReader reader(kLimits);
  const std::string text = post("Content-Length: 3\r\n\r\n");
  std::string_view head = text;
  reader.feed(head);
  reader.expect_body();
  for (std::string_view piece : {"a", "", "bc"}) {
    EXPECT_EQ(reader.stage(), Stage::body);
    reader.feed(piece);
  }
  EXPECT_EQ(reader.stage(), Stage::complete);
  EXPECT_EQ(reader.body_bytes(), 3u);
}

TEST(RequestReader, IsWholeWithoutABody) {
  for (const char* fields : {"\r\n", "Content-Length: 0\r\n\r\n"}) {
    RequestReader reader(kLimits);
    const std::string text = post(fields);
    std::string_view bytes = text;
    reader.feed(bytes);
    reader.expect_body();
    EXPECT_EQ(reader.stage(), Stage::complete);
  }
}

TEST(RequestReader, RefusesInHeadAndBodyAlike) {
  RequestReader head(kLimits);
  std::string_view garbage = "garbage\r\n\r\n";
  head.feed(garbage);
  EXPECT_EQ(head.stage(), Stage::refused);
  EXPECT_EQ(head.refusal().code, ErrorCode::bad_request);

  RequestReader body(kLimits);
  const std::string text = post("Transfer-Encoding: chunked\r\n\r\nzz\r\n");
  std::string_view bytes = text;
  body.feed(bytes);
  body.expect_body();
  body.feed(bytes);
  EXPECT_EQ(body.stage(), Stage::refused);
}

}  // namespace
}  // namespace bafa::http
