// Reads one request from the bytes of a connection: the head, a pause in which the listener decides
// whether the body is wanted, then the body. Free of sockets and clocks; what it takes is bounded
// by the transport limits. One per connection, on the listener's thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "bafa/config.h"
#include "http/chunked_body.h"
#include "http/request_head.h"

namespace bafa::http {

class RequestReader {
 public:
  enum class Stage {
    head,       // feed() goes on with the head
    head_read,  // head() is whole; call expect_body() to go on
    body,       // feed() goes on with the body
    complete,   // head() and body are whole; what is left of the bytes belongs to the next request
    refused,    // refusal() says why; nothing more can be read from this connection
  };

  // `limits` must outlive the reader.
  explicit RequestReader(const TransportConfig& limits) : limits_(limits), head_(limits) {}

  // Takes bytes off the front of `bytes` until they are used up or the stage changes.
  void feed(std::string_view& bytes);

  void expect_body();

  Stage stage() const { return stage_; }
  bool started() const { return head_.started(); }
  const RequestHead& head() const { return head_.head(); }
  const ErrorDetails& refusal() const { return *refusal_; }
  std::size_t body_bytes() const { return body_.size(); }
  RequestHead take_head() { return head_.take(); }
  std::string take_body() { return std::move(body_); }

 private:
  void feed_head(std::string_view& bytes);
  void feed_body(std::string_view& bytes);
  void refuse(const ErrorDetails& why);

  const TransportConfig& limits_;
  HeadParser head_;
  std::optional<ChunkedDecoder> chunks_;
  std::string body_;
  Stage stage_ = Stage::head;
  std::optional<ErrorDetails> refusal_;
};

}  // namespace bafa::http
