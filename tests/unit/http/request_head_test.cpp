#include "http/request_head.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace bafa::http {
namespace {

using testing::HasSubstr;

const TransportConfig kLimits;

constexpr int kUnfinished = 0;
constexpr int kGood = 200;

int status_of(const HeadParser& parser) {
  if (!parser.refusal()) return parser.finished() ? kGood : kUnfinished;
  const ErrorDetails& why = *parser.refusal();
  return why.status.value_or(mapping_of(why.code).status);
}

// 200 for a head that is taken; the status of its refusal otherwise.
int parse_status(std::string_view bytes, std::size_t piece_bytes = std::string_view::npos) {
  HeadParser parser(kLimits);
  while (!bytes.empty() && !parser.refusal() && !parser.finished()) {
    std::string_view piece = bytes.substr(0, piece_bytes);
    const std::size_t size = piece.size();
    parser.feed(piece);
    bytes.remove_prefix(size - piece.size());
  }
  return status_of(parser);
}

RequestHead parsed(std::string_view bytes) {
  HeadParser parser(kLimits);
  parser.feed(bytes);
  EXPECT_TRUE(parser.finished()) << (parser.refusal() ? parser.refusal()->message : "unfinished");
  return parser.take();
}

std::string get(std::string_view target, std::string_view fields = "") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\n" + std::string(fields) +
         "\r\n";
}

std::string post(std::string_view fields) {
  return "POST / HTTP/1.1\r\nHost: localhost\r\n" + std::string(fields) + "\r\n";
}

TEST(RequestHead, ReadsWhatARequestSays) {
  const RequestHead head = parsed(
      "POST /v1/jobs?limit=1&x=%20 HTTP/1.1\r\nHost: LOCALHOST:7860\r\nX-A:  b c\t\r\n"
      "Content-Length: 12\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(head.method, "POST");
  EXPECT_EQ(head.path, "/v1/jobs");
  EXPECT_EQ(head.query, "limit=1&x=%20");
  EXPECT_EQ(head.host, "localhost");
  EXPECT_EQ(head.authority, "localhost:7860");
  EXPECT_EQ(*head.headers.find("x-a"), "b c");
  EXPECT_EQ(head.content_length, 12u);
  EXPECT_TRUE(head.has_body() && head.keep_alive && head.expect_continue);
  EXPECT_FALSE(head.chunked || head.http_1_0);
}

TEST(RequestHead, LeavesTheBytesBehindItAlone) {
  const std::string text = get("/") + "GET";
  std::string_view bytes = text;
  HeadParser parser(kLimits);
  parser.feed(bytes);
  EXPECT_TRUE(parser.finished());
  EXPECT_EQ(bytes, "GET");
}

TEST(RequestHead, MeansTheSameHoweverItIsCut) {
  for (const std::string& text :
       {get("/a?b=c"), get("/" + std::string(8000, 'a')), get("/", "X: " + std::string(9000, 'a')),
        get("/", "no colon\r\n"), std::string("GET / HTTP/1.1\nHost: localhost\n\n")}) {
    const int whole = parse_status(text);
    for (const std::size_t piece : {1, 2, 7, 1000})
      EXPECT_EQ(parse_status(text, piece), whole) << piece << " " << text.substr(0, 60);
  }
}

TEST(RequestHead, AcceptsOneEmptyLineBeforeIt) {
  EXPECT_EQ(parse_status("\r\n" + get("/")), kGood);
  EXPECT_EQ(parse_status("\r\n\r\n" + get("/")), 400);
}

TEST(RequestHead, KnowsTheFormsOfATarget) {
  EXPECT_EQ(parsed(get("http://localhost/a?b")).path, "/a");
  EXPECT_EQ(parsed(get("http://localhost")).path, "/");
  EXPECT_EQ(parsed(get("http://localhost?q=1")).query, "q=1");
  EXPECT_EQ(parse_status(get("http://other/a")), 400) << "two hosts";
  EXPECT_EQ(parse_status(get("*")), 400);
  EXPECT_EQ(parse_status(get("a")), 400);
  EXPECT_EQ(parse_status(get("localhost:80")), 400);
}

// The story: a path of 8,000 bytes that came in one packet was told that it has no method.
TEST(RequestHead, SaysThatAPathIsTooLongInOnePacketToo) {
  EXPECT_EQ(parse_status(get("/" + std::string(8000, 'a'))), 414);
  EXPECT_EQ(parse_status(get("/" + std::string(8000, 'a')), 1000), 414);
  EXPECT_EQ(parse_status("GET /" + std::string(8000, 'a')), 414) << "not even at its end";
  EXPECT_EQ(parse_status(get("/" + std::string(kLimits.max_path_bytes, 'a'))), 414);
  EXPECT_EQ(parse_status(get("/" + std::string(kLimits.max_path_bytes - 1, 'a'))), kGood);
  EXPECT_EQ(parse_status(std::string(8000, 'a')), 400) << "that is no path, but a method";
}

TEST(RequestHead, RefusesPathsWithRawOrEncodedControls) {
  for (const char* target : {"/%00", "/%0d%0aX: y", "/a%0A", "/%", "/%2", "/%zz", "/%ff", "/a\"b",
                             "/<a>", "/\xC3\xA4", "/a\\b", "/a|b", "/{a}", "/a#b"})
    EXPECT_EQ(parse_status(get(target)), 400) << target;
  for (const char* target : {"/%2e%2e/x", "/../x", "/%252e", "/%E4%B8%80"})
    EXPECT_EQ(parse_status(get(target)), kGood) << target << " is for the router to know";
}

TEST(RequestHead, RefusesRequestLinesThatAreNotHttp) {
  for (const char* line :
       {"", " ", "GET", "GET /", "GET  / HTTP/1.1", "GET / HTTP/1.1 ", " GET / HTTP/1.1",
        "GET\t/\tHTTP/1.1", "GET / http/1.1", "GET / HTTP/1.10", "G@T / HTTP/1.1",
        "GET / x HTTP/1.1", "GET / FTP/1.1"}) {
    const std::string head = std::string("\r\n") + line + "\r\nHost: localhost\r\n\r\n";
    EXPECT_EQ(parse_status(head), 400) << line;
  }
  EXPECT_EQ(parse_status("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505) << "the preface of HTTP/2";
  EXPECT_EQ(parse_status("GET / HTTP/0.9\r\n\r\n"), 505);
  for (const char* method : {"CONNECT", "TRACE", "BREW", "get"}) {
    EXPECT_EQ(parse_status(std::string(method) + " / HTTP/1.1\r\nHost: localhost\r\n\r\n"), 405)
        << method;
  }
}

TEST(RequestHead, RefusesFieldsThatTwoReadersCouldSplitDifferently) {
  for (const char* field : {"no colon", "X : y", ": y", "X y: z", " folded: y", "\tfolded: y",
                            "X\x01: y", "X: y\x01z", "X: a\rb", "X: a\nb", "\xC3\xA4: y"})
    EXPECT_EQ(parse_status(get("/", std::string(field) + "\r\n")), 400) << field;
  EXPECT_EQ(parse_status(get("/", std::string("X: a\0b\r\n", 8))), 400);
  EXPECT_EQ(parse_status(get("/", "X:\r\nY:a\r\nZ: \xC3\xA4\r\n")), kGood);
}

TEST(RequestHead, NeedsOneHostThatIsOne) {
  EXPECT_EQ(parse_status("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(parse_status("GET / HTTP/1.0\r\n\r\n"), 400);
  EXPECT_EQ(parse_status(get("/", "Host: localhost\r\n")), 400) << "a second one";
  for (const char* host :
       {"", "a b", "a/b", "a@b", "a:", "a:b", "a:123456", "[::1", "[::1]x", "a,b", "[zz]", "::1"}) {
    EXPECT_EQ(parse_status("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n"), 400)
        << host;
  }
}

TEST(RequestHead, RefusesFramingThatCouldHideASecondRequest) {
  for (const char* fields :
       {"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 2\r\nContent-Length: 2\r\n", "Content-Length: 2, 2\r\n",
        "Content-Length: -1\r\n", "Content-Length: +1\r\n", "Content-Length: 0x2\r\n",
        "Content-Length: \r\n", "Content-Length: 2 3\r\n",
        "Content-Length: 99999999999999999999999\r\n", "Content-Length: 1e3\r\n",
        "Transfer-Encoding: gzip\r\n", "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked, chunked\r\n", "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: \r\n", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: xchunked\r\n"})
    EXPECT_EQ(parse_status(post(fields)), 400) << fields;
  EXPECT_EQ(parse_status("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
  EXPECT_TRUE(parsed(post("Transfer-Encoding: Chunked\r\n")).chunked);
}

TEST(RequestHead, RefusesABodyWhereNoneBelongs) {
  for (const char* method : {"GET", "HEAD", "OPTIONS"}) {
    const std::string line = std::string(method) + " / HTTP/1.1\r\nHost: localhost\r\n";
    EXPECT_EQ(parse_status(line + "Content-Length: 1\r\n\r\n"), 400) << method;
    EXPECT_EQ(parse_status(line + "Transfer-Encoding: chunked\r\n\r\n"), 400) << method;
    EXPECT_EQ(parse_status(line + "Content-Length: 0\r\n\r\n"), kGood) << method;
  }
}

TEST(RequestHead, RefusesFieldsGivenTwiceThatDecideSomething) {
  for (const char* name : {"Authorization", "Origin", "Content-Type", "Content-Encoding", "Expect",
                           "Idempotency-Key"}) {
    const std::string field = std::string(name) + ": 100-continue\r\n";
    EXPECT_EQ(parse_status(post(field + field)), 400) << name;
  }
  EXPECT_EQ(parse_status(get("/", "Accept: a\r\nAccept: b\r\n")), kGood);
}

TEST(RequestHead, BoundsLinesFieldsAndTheWhole) {
  EXPECT_EQ(parse_status(get("/", "X: " + std::string(9000, 'a') + "\r\n")), 431);
  std::string fields;
  for (int i = 1; i < kLimits.max_headers; ++i) fields += "X: y\r\n";
  EXPECT_EQ(parse_status(get("/", fields)), kGood) << "with Host as many as allowed";
  EXPECT_EQ(parse_status(get("/", fields + "X: y\r\n")), 431);
  std::string large;
  for (int i = 0; i < 5; ++i) large += "X: " + std::string(8000, 'a') + "\r\n";
  EXPECT_EQ(parse_status(get("/", large)), 431);
  EXPECT_EQ(
      parse_status(post("Content-Length: " + std::to_string(kLimits.max_body_bytes) + "\r\n")),
      kGood);
  EXPECT_EQ(
      parse_status(post("Content-Length: " + std::to_string(kLimits.max_body_bytes + 1) + "\r\n")),
      413);
}

TEST(RequestHead, NamesTheLimitThatWasBroken) {
  HeadParser parser(kLimits);
  const std::string text = get("/" + std::string(8000, 'a'));
  std::string_view bytes = text;
  parser.feed(bytes);
  EXPECT_THAT(parser.refusal()->message, HasSubstr("2048"));
  EXPECT_THAT(parser.refusal()->message, testing::Not(HasSubstr("aaa"))) << "nothing is echoed";
}

TEST(RequestHead, KnowsWhetherTheConnectionStays) {
  EXPECT_FALSE(parsed(get("/", "Connection: close\r\n")).keep_alive);
  EXPECT_FALSE(parsed(get("/", "Connection: foo, Close\r\n")).keep_alive);
  EXPECT_TRUE(parsed(get("/", "Connection: keep-alive\r\n")).keep_alive);
  EXPECT_FALSE(parsed("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n").keep_alive);
}

TEST(RequestHead, MeetsOneExpectationOnly) {
  EXPECT_EQ(parse_status(post("Expect: 200-ok\r\n")), 417);
  EXPECT_FALSE(
      parsed("POST / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\n\r\n").expect_continue);
}

TEST(Authority, IsAHostWithAPerhapsNumberedPort) {
  EXPECT_EQ(parse_authority("Example.ORG")->host, "example.org");
  EXPECT_EQ(parse_authority("a:80")->port, "80");
  EXPECT_EQ(parse_authority("[::1]:80")->host, "::1");
  EXPECT_EQ(parse_authority("[::1]")->port, "");
}

}  // namespace
}  // namespace bafa::http
