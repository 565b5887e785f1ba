#include "http/response_writer.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <memory>
#include <string>

#include "base/clock.h"
#include "http/socket.h"

namespace bafa::http {
namespace {

// Both ends of a connection: what the writer sends on one is read from the other.
class ResponseWriterTest : public testing::Test {
 protected:
  void SetUp() override {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
    server_ = FileDescriptor(ends[0]);
    client_ = FileDescriptor(ends[1]);
  }

  bool send(HttpResponse response, const AnswerContext& context = {.request_id = "id"}) {
    ResponseWriter writer(server_.get(), clock_, std::chrono::milliseconds(0));
    const bool sent = writer.send(std::move(response), context);
    EXPECT_TRUE(writer.begun());
    return sent;
  }

  std::string received() {
    std::string bytes(1 << 16, '\0');
    const ssize_t count = ::read(client_.get(), bytes.data(), bytes.size());
    bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return bytes;
  }

  const SystemClock clock_;
  FileDescriptor server_;
  FileDescriptor client_;
};

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++found;
  return found;
}

bool has_line(const std::string& message, const std::string& line) {
  return message.find("\r\n" + line + "\r\n") != std::string::npos;
}

std::string body_of(const std::string& message) {
  return message.substr(message.find("\r\n\r\n") + 4);
}

HttpResponse two_events() {
  HttpResponse response = make_response(200, "text/event-stream", "");
  response.stream = [](BodySink& sink) {
    EXPECT_TRUE(sink.client_connected());
    EXPECT_TRUE(sink.write("first"));
    EXPECT_TRUE(sink.write(""));
    EXPECT_TRUE(sink.write("second!"));
  };
  return response;
}

TEST_F(ResponseWriterTest, SendsAWholeBodyWithItsLength) {
  EXPECT_TRUE(send(make_response(404, "application/json", "{}")));
  const std::string message = received();
  EXPECT_TRUE(message.starts_with("HTTP/1.1 404 Not Found\r\n")) << message;
  EXPECT_TRUE(has_line(message, "Content-Length: 2"));
  EXPECT_EQ(count(message, "Content-Type: application/json"), 1u);
  EXPECT_TRUE(has_line(message, "X-Request-Id: id"));
  EXPECT_TRUE(has_line(message, "X-Content-Type-Options: nosniff"));
  EXPECT_TRUE(has_line(message, "Cache-Control: no-store"));
  EXPECT_TRUE(has_line(message, "Connection: close"));
  EXPECT_EQ(body_of(message), "{}");
}

TEST_F(ResponseWriterTest, KeepsTheConnectionAfterAnErrorWhereTheListenerSaysSo) {
  EXPECT_TRUE(
      send(make_response(404, "text/plain", "x"), {.request_id = "id", .keep_alive = true}));
  const std::string message = received();
  EXPECT_TRUE(has_line(message, "Connection: keep-alive"));
  EXPECT_EQ(count(message, "Connection: close"), 0u);
}

TEST_F(ResponseWriterTest, SendsSharedBytesAsTheyAre) {
  HttpResponse response = make_response(200, "image/png", "");
  response.shared_body = std::make_shared<const std::string>("a\0b", 3);
  EXPECT_TRUE(send(std::move(response)));
  const std::string message = received();
  EXPECT_TRUE(has_line(message, "Content-Length: 3"));
  EXPECT_EQ(count(message, "Content-Type: image/png"), 1u);
  EXPECT_EQ(body_of(message), std::string("a\0b", 3));
}

TEST_F(ResponseWriterTest, SendsAStreamInChunks) {
  EXPECT_TRUE(send(two_events()));
  const std::string message = received();
  EXPECT_TRUE(has_line(message, "Transfer-Encoding: chunked"));
  EXPECT_EQ(count(message, "Content-Length"), 0u);
  EXPECT_EQ(count(message, "Content-Type: text/event-stream"), 1u);
  EXPECT_EQ(body_of(message), "5\r\nfirst\r\n7\r\nsecond!\r\n0\r\n\r\n");
}

TEST_F(ResponseWriterTest, EndsAStreamWithItsConnectionForHttp10) {
  EXPECT_TRUE(send(two_events(), {.request_id = "id", .http_1_0 = true}));
  const std::string message = received();
  EXPECT_EQ(count(message, "Transfer-Encoding"), 0u);
  EXPECT_EQ(body_of(message), "firstsecond!");
}

TEST_F(ResponseWriterTest, AnswersHeadWithTheHeadersOfAGet) {
  EXPECT_TRUE(
      send(make_response(200, "text/html", "page"), {.request_id = "id", .method = "HEAD"}));
  const std::string message = received();
  EXPECT_TRUE(has_line(message, "Content-Length: 4"));
  EXPECT_EQ(body_of(message), "");
}

TEST_F(ResponseWriterTest, SendsNoBodyWith304) {
  HttpResponse response;
  response.status = 304;
  response.headers.add("ETag", "\"1\"");
  EXPECT_TRUE(send(std::move(response)));
  const std::string message = received();
  EXPECT_EQ(count(message, "Content-Length"), 0u);
  EXPECT_EQ(body_of(message), "");
}

TEST_F(ResponseWriterTest, DropsAHeaderThatWouldBreakTheMessage) {
  HttpResponse response = make_response(200, "text/plain", "x");
  response.headers.add("X-Bad", "a\r\nSet-Cookie: b");
  response.headers.add("X Bad", "a");
  EXPECT_TRUE(send(std::move(response)));
  const std::string message = received();
  EXPECT_EQ(count(message, "Set-Cookie"), 0u);
  EXPECT_EQ(count(message, "Bad"), 0u);
}

TEST_F(ResponseWriterTest, SaysSoWhenTheClientIsGone) {
  client_.reset();
  EXPECT_FALSE(send(make_response(200, "text/plain", "x")));
}

TEST_F(ResponseWriterTest, GivesUpOnAClientThatTakesNothing) {
  EXPECT_FALSE(send(make_response(200, "text/plain", std::string(8 << 20, 'x'))));
}

TEST_F(ResponseWriterTest, LetsTheFailureOfAStreamThrough) {
  HttpResponse response = make_response(200, "text/event-stream", "");
  response.stream = [](BodySink&) { throw Error(ErrorCode::internal, "broken"); };
  EXPECT_THROW(send(std::move(response)), Error);
  EXPECT_EQ(count(received(), "0\r\n\r\n"), 0u) << "a cut stream must not look whole";
}

}  // namespace
}  // namespace bafa::http
