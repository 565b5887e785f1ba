#include "http/guards.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "bafa/error.h"

namespace bafa::http {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

constexpr int kGood = 200;

RequestHead head_of(const std::string& method, const std::string& host, const Fields& fields = {}) {
  RequestHead head;
  head.method = method;
  head.authority = host;
  head.host = parse_authority(host)->host;
  for (const auto& [name, value] : fields) head.headers.add(name, value);
  return head;
}

int check(const Guards& guards, const RequestHead& head, std::string_view local = "127.0.0.1") {
  const auto why = guards.check(head, local);
  return why ? mapping_of(why->code).status : kGood;
}

RequestHead post_of(const Fields& fields) {
  RequestHead head = head_of("POST", "localhost:7860", fields);
  head.content_length = 2;
  return head;
}

const Fields kJson = {{"Content-Type", "application/json"}};

Fields json_from(const std::string& origin) {
  return {{"Content-Type", "application/json"}, {"Origin", origin}};
}

TEST(Guards, KnowTheNamesOfThisMachine) {
  const Guards guards({}, "127.0.0.1");
  for (const char* host : {"localhost", "localhost:7860", "127.0.0.1", "127.0.0.1:1", "[::1]:7860"})
    EXPECT_EQ(check(guards, head_of("GET", host)), kGood) << host;
}

TEST(Guards, RefuseANameThatWasReboundToThisMachine) {
  const Guards guards({}, "127.0.0.1");
  for (const char* host : {"evil.example", "localhost.evil.example", "evil-localhost", "127.0.0.2",
                           "127.0.0.1.nip.io", "0.0.0.0", "2130706433"})
    EXPECT_EQ(check(guards, head_of("GET", host)), 421) << host;
}

TEST(Guards, KnowTheAddressAConnectionCameInOn) {
  const Guards guards({}, "0.0.0.0");
  EXPECT_EQ(check(guards, head_of("GET", "10.0.0.5:7860"), "10.0.0.5"), kGood);
  EXPECT_EQ(check(guards, head_of("GET", "10.0.0.6:7860"), "10.0.0.5"), 421);
}

TEST(Guards, TakeTheOperatorsNamesWithAPortWhereOneIsGiven) {
  const Guards guards({.allowed_hosts = {"Paint.Example", "ported.example:8443", "fd00::1"}},
                      "0.0.0.0");
  EXPECT_EQ(check(guards, head_of("GET", "paint.example")), kGood);
  EXPECT_EQ(check(guards, head_of("GET", "paint.example:99")), kGood);
  EXPECT_EQ(check(guards, head_of("GET", "ported.example:8443")), kGood);
  EXPECT_EQ(check(guards, head_of("GET", "ported.example:80")), 421);
  EXPECT_EQ(check(guards, head_of("GET", "[fd00::1]:7860")), kGood);
}

TEST(Guards, RefuseWhatPagesOfOtherOriginsSend) {
  const Guards guards({.allowed_origins = {"https://app.example"}}, "127.0.0.1");
  for (const char* origin :
       {"null", "http://evil.example", "http://localhost:7861", "http://localhost",
        "http://localhost:7860.evil.example", "file://", ""}) {
    EXPECT_EQ(check(guards, post_of(json_from(origin))), 403) << origin;
    EXPECT_EQ(check(guards, head_of("DELETE", "localhost:7860", {{"Origin", origin}})), 403);
    EXPECT_EQ(check(guards, head_of("GET", "localhost:7860", {{"Origin", origin}})), kGood)
        << "without CORS headers no page can read it";
  }
  for (const char* origin :
       {"http://localhost:7860", "https://localhost:7860", "https://App.example"})
    EXPECT_EQ(check(guards, post_of(json_from(origin))), kGood) << origin;
}

TEST(Guards, TakeJsonBodiesOnly) {
  const Guards guards({}, "127.0.0.1");
  for (const char* type : {"application/json", "Application/JSON; charset=utf-8"})
    EXPECT_EQ(check(guards, post_of({{"Content-Type", type}})), kGood) << type;
  for (const char* type :
       {"text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "",
        "application/jsonp", "text/plain; application/json", "application/json, text/plain"})
    EXPECT_EQ(check(guards, post_of({{"Content-Type", type}})), 415) << type;
  EXPECT_EQ(check(guards, post_of({})), 415);
  EXPECT_EQ(check(guards, head_of("POST", "localhost")), kGood) << "without a body nothing to say";
}

TEST(Guards, TakeNoCompressedBodies) {
  const Guards guards({}, "127.0.0.1");
  for (const char* coding : {"gzip", "br", "deflate", "zstd", "gzip, identity", ""}) {
    Fields fields = kJson;
    fields.emplace_back("Content-Encoding", coding);
    EXPECT_EQ(check(guards, post_of(fields)), 415) << coding;
  }
  Fields fields = kJson;
  fields.emplace_back("Content-Encoding", "Identity");
  EXPECT_EQ(check(guards, post_of(fields)), kGood);
}

TEST(Guards, OpenToConfiguredOriginsOnly) {
  const Guards guards({.allowed_origins = {"https://app.example"}}, "127.0.0.1");
  EXPECT_EQ(guards.cors_origin(post_of(json_from("https://app.example"))), "https://app.example");
  EXPECT_EQ(guards.cors_origin(post_of(json_from("http://localhost:7860"))), "");
  EXPECT_EQ(guards.cors_origin(post_of(kJson)), "");
}

TEST(Guards, AnswerAPreflightByItsOrigin) {
  const Guards guards({.allowed_origins = {"https://app.example"}}, "127.0.0.1");
  const auto preflight = [](const std::string& origin) {
    return head_of("OPTIONS", "localhost:7860",
                   {{"Origin", origin}, {"Access-Control-Request-Method", "POST"}});
  };
  EXPECT_TRUE(is_preflight(preflight("https://app.example")));
  EXPECT_FALSE(is_preflight(head_of("OPTIONS", "localhost", {{"Origin", "null"}})));
  EXPECT_EQ(check(guards, preflight("https://app.example")), kGood);
  EXPECT_EQ(check(guards, preflight("https://evil.example")), 403);
}

TEST(Guards, RefusesToBeMadeOfWhatNoHeaderCanEqual) {
  for (const char* host : {"http://a.example", "a.example/b", "a b", ""})
    EXPECT_THROW(Guards({.allowed_hosts = {host}}, "127.0.0.1"), Error) << host;
  for (const char* origin :
       {"app.example", "https://app.example/", "ftp://app.example", "https://", "null", "*"})
    EXPECT_THROW(Guards({.allowed_origins = {origin}}, "127.0.0.1"), Error) << origin;
}

}  // namespace
}  // namespace bafa::http
