// Sends one answer over a socket through cpp-httplib, which speaks HTTP (status line, framing,
// HEAD); this side owns the socket's deadlines. Keeps nothing beyond what the caller holds and the
// kernel takes; gives up on a client that takes too little. Used by one thread at a time: a
// handler's, or the listener's own with a timeout of zero.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "http/message.h"

namespace bafa::http {

// What the transport adds to every answer.
struct AnswerContext {
  std::string request_id;
  std::string cors_origin;     // "" for none
  std::string method = "GET";  // HEAD gets the headers of a GET, without its body
  bool http_1_0 = false;       // no chunks: a stream ends with its connection
  bool keep_alive = false;
};

class ResponseWriter {
 public:
  // `timeout`: for everything that is written at once, with time added for long bodies; zero sends
  // only what the kernel takes now.
  ResponseWriter(int socket, const Clock& clock, std::chrono::milliseconds timeout)
      : socket_(socket), clock_(clock), timeout_(timeout) {}

  // False when not all of it could be sent: the connection is of no more use then. What a stream's
  // producer throws passes through.
  bool send(HttpResponse response, const AnswerContext& context);

  bool begun() const { return begun_; }  // the status is on its way and cannot be changed any more
  std::uint64_t sent_bytes() const { return sent_bytes_; }

 private:
  class LibraryStream;
  class LibraryCall;
  class StreamSink;

  bool write(std::string_view bytes);

  const int socket_;
  const Clock& clock_;
  const std::chrono::milliseconds timeout_;
  bool begun_ = false;
  std::uint64_t sent_bytes_ = 0;
};

}  // namespace bafa::http
