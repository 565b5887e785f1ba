// Ten thousand requests that are wrong, each in one of the ways that the tables name: every one is
// refused, and the server goes on as if nothing had been sent.
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/json.h"
#include "e2e/http_client.h"
#include "e2e/program.h"

namespace bafa::e2e {
namespace {

constexpr int kRequests = 10'000;

std::string repeated(std::string_view piece, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += piece;
  return text;
}

std::vector<std::string> wrong_bodies() {
  std::vector<std::string> bodies = {"",
                                     " ",
                                     "{",
                                     "[]",
                                     "null",
                                     "\"prompt\"",
                                     "{}{}",
                                     R"({"prompt":"x"} trailing)",
                                     R"({"prompt":"x","prompt":"y"})",
                                     R"({"prompt":"\ud83c"})",
                                     "{\"prompt\":\"\xFF\"}",
                                     R"({"prompt":NaN})",
                                     R"({"prompt":"x","guidance_scale":1e400})",
                                     R"({"prompt":1})",
                                     R"({"n":1})",
                                     R"({"prompt":null})",
                                     R"({"prompt":["x"]})",
                                     R"({"prompt":"x","model":7})",
                                     R"({"prompt":"x","stream":"yes"})",
                                     R"({"prompt":"x","output_format":"gif"})",
                                     R"({"prompt":"x","sampler":"../../etc/passwd"})",
                                     R"({"prompt":")" + std::string(5000, 'a') + "\"}",
                                     repeated("[", 20'000),
                                     "{\"a\":" + repeated("[", 40) + repeated("]", 40) + "}",
                                     std::string("{}\0{}", 5)};
  for (const char* field :
       {"n", "steps", "seed", "width", "height", "partial_images", "output_compression"}) {
    for (const char* value : {"-2", "2147483648000000000000", "4294967297.5", "1.9", "\"8\"",
                              "true", "1e20", "[1]", "{}"}) {
      bodies.push_back(R"({"prompt":"x","output_format":"jpeg",")" + std::string(field) +
                       "\":" + value + "}");
    }
  }
  for (const char* size : {"1024", "0x0", "-64x64", "99999x99999", "64x64x64", "６４x６４",
                           "64 x64", "64x", "x64", "4294967360x64", "65x64", ""}) {
    bodies.push_back(R"({"prompt":"x","size":")" + std::string(size) + "\"}");
  }
  return bodies;
}

std::vector<std::string> wrong_heads() {
  const std::string post = "POST /v1/images/generations HTTP/1.1\r\n";
  return {
      "GARBAGE\r\n\r\n",
      "GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
      "GET /livez HTTP/1.1\r\n\r\n",
      "GET /livez HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
      "GET /livez HTTP/1.1\r\nHost: evil.example\r\n\r\n",
      "GET /livez HTTP/1.1\nHost: localhost\n\n",
      "GET /livez HTTP/1.1\r\nHost: localhost\r\nno colon\r\n\r\n",
      "GET /livez HTTP/1.1\r\nHost : localhost\r\n\r\n",
      "GET /livez HTTP/1.1\r\nHost: localhost\r\n folded: line\r\n\r\n",
      "GET /livez HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(9000, 'a') + "\r\n\r\n",
      "GET /" + std::string(3000, 'a') + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "GET /v1/../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "GET /%2e%2e/%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "BREW /coffee HTTP/1.1\r\nHost: localhost\r\n\r\n",
      post + "Host: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
      post + "Host: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
      post + "Host: localhost\r\nContent-Length: -1\r\n\r\n",
      post + "Host: localhost\r\nContent-Length: 99999999999999999999999\r\n\r\n",
      post + "Host: localhost\r\nContent-Length: 9999999\r\n\r\n",
      post + "Host: localhost\r\nTransfer-Encoding: gzip\r\n\r\n",
      post +
          "Host: localhost\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n"
          "Content-Length: 2\r\n\r\n{}",
      post + "Host: localhost\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}",
      post +
          "Host: localhost\r\nContent-Type: application/json\r\nOrigin: http://evil.example\r\n"
          "Content-Length: 2\r\n\r\n{}",
  };
}

bool refused(int status) { return status >= 400 && status < 500; }

void expect_well(const ServerProgram& server) {
  EXPECT_EQ(get(server.port(), "/livez").status, 200);
  EXPECT_EQ(parse_json(get(server.port(), "/v1/queue").body)["running"], 0);
  EXPECT_EQ(post(server.port(), "/v1/images/generations", R"({"prompt":"a red apple"})").status,
            200);
}

TEST(Malformed, BodiesAreRefusedAndTheServerStaysUp) {
  const ServerProgram server({"--log-level", "error"});
  const std::vector<std::string> bodies = wrong_bodies();
  auto connection = std::make_unique<RawConnection>(server.port());
  for (int i = 0; i < kRequests; ++i) {
    const std::string& body = bodies[static_cast<std::size_t>(i) % bodies.size()];
    // An answer may close the connection; the next request then finds a new one.
    int status = connection->send(generation_request(body)) ? connection->read_status() : 0;
    if (status == 0) {
      connection = std::make_unique<RawConnection>(server.port());
      status = connection->send(generation_request(body)) ? connection->read_status() : 0;
    }
    ASSERT_TRUE(refused(status)) << status << " for " << body.substr(0, 200);
  }
  expect_well(server);
}

TEST(Malformed, HeadsAreRefusedAndTheServerStaysUp) {
  const ServerProgram server({"--log-level", "error"});
  const std::vector<std::string> heads = wrong_heads();
  for (std::size_t i = 0; i < 50 * heads.size(); ++i) {
    const std::string& head = heads[i % heads.size()];
    RawConnection connection(server.port());
    connection.send(head);  // the answer may come, and the door close, before the end of it
    const int status = connection.read_status();
    // 505 and 501 are how HTTP refuses versions and methods; nothing else of the server's own.
    ASSERT_TRUE(refused(status) || status == 505 || status == 501)
        << status << " for " << head.substr(0, 200);
  }
  expect_well(server);
}

}  // namespace
}  // namespace bafa::e2e
