// One HTTP request and its answer, as the routes see them: the listener builds the first and sends
// the second. Plain values without a socket, so a route is tested by calling it. A request lives
// until its answer, a streamed one included, has been sent; both belong to one handler thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bafa/engine.h"

namespace bafa::http {

bool equal_ignoring_case(std::string_view a, std::string_view b);  // of ASCII letters
std::string to_lower(std::string_view text);

// Header fields in the order given; names compare without case.
class Headers {
 public:
  struct Field {
    std::string name;
    std::string value;
  };

  void add(std::string name, std::string value);
  void set(std::string_view name, std::string value);    // replaces every field of that name
  const std::string* find(std::string_view name) const;  // the first; null when absent
  std::size_t count(std::string_view name) const;

  std::size_t size() const { return fields_.size(); }
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }

 private:
  std::vector<Field> fields_;
};

// Who asks, as the keys file says. Without a keys file everybody is the one anonymous tenant.
struct Identity {
  std::string tenant;                          // the key's name; "" without keys
  Priority highest_priority = Priority::high;  // asking for more is priority_not_allowed
  int max_active_jobs = 0;                     // queued and running; 0: only the queue's limit
};

using PathParameters = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method;  // upper case; HEAD arrives as itself and is routed like GET
  std::string path;    // as sent, without the query: "/v1/jobs/0a1b"
  std::string query;   // as sent, without the '?'
  Headers headers;     // values trimmed; free of control characters
  std::string body;
  std::string remote_address;  // without its port: the peer's, or the one a trusted proxy names
  bool secure = false;         // a trusted proxy says that the client speaks TLS to it
  std::string request_id;      // the client's X-Request-Id where it is usable, else ours
  Identity identity;
  PathParameters parameters;  // of the route's {names}, percent-decoded, valid UTF-8

  // False once the client has closed, half-closed or reset its connection. One cheap system call:
  // a handler that waits for a job asks every 50 ms and cancels when nobody is there any more.
  std::function<bool()> client_connected = [] { return true; };

  const std::string* header(std::string_view name) const { return headers.find(name); }
  std::string_view parameter(std::string_view name) const;  // CHECKs that the route has it

  // Decoded. Throws Error{invalid_value} when it is given twice or is no percent-encoded UTF-8.
  std::optional<std::string> query_parameter(std::string_view name) const;
};

// Where a streamed body goes. Owned by the listener.
class BodySink {
 public:
  virtual ~BodySink() = default;

  // Sends `bytes` now; nothing is buffered beyond the socket. False when the client is gone or took
  // nothing for the write timeout: return from the producer then.
  virtual bool write(std::string_view bytes) = 0;
  virtual bool client_connected() const = 0;
};

// Runs on the handler's thread after the head was sent; the body ends when it returns.
using BodyProducer = std::function<void(BodySink&)>;

struct HttpResponse {
  int status = 200;
  // X-Request-Id, nosniff, Date, framing and (unless set here) Cache-Control: no-store are added.
  Headers headers;
  std::string body;
  std::shared_ptr<const std::string> shared_body;  // instead of body: bytes that many may fetch
  BodyProducer stream;                             // instead of a body: server-sent events

  // Whichever of body and shared_body is in use.
  std::string_view bytes() const { return shared_body ? *shared_body : std::string_view(body); }
};

HttpResponse make_response(int status, std::string content_type, std::string body);

// One decoding of %XX; nullopt for a broken escape, any control character or invalid UTF-8.
std::optional<std::string> percent_decode(std::string_view text);

}  // namespace bafa::http
