// The strict reading of a request's head (RFC 9112, and less than it allows): what two parsers
// could understand differently is refused, not repaired. Incremental and free of sockets, so that
// it is tested and fuzzed with bytes alone. One parser reads one head, on the listener's thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "bafa/config.h"
#include "http/error_response.h"
#include "http/line_reader.h"
#include "http/message.h"

namespace bafa::http {

struct RequestHead {
  std::string method;  // one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS
  std::string path;    // starts with '/'; URI characters only
  std::string query;   // without the '?'
  Headers headers;
  std::string host;       // of the Host field: lower case, without port and brackets
  std::string authority;  // the whole Host field in lower case
  bool http_1_0 = false;
  bool keep_alive = true;
  bool expect_continue = false;
  bool chunked = false;
  std::optional<std::uint64_t> content_length;

  bool has_body() const { return chunked || content_length.value_or(0) > 0; }
};

class HeadParser {
 public:
  // `limits` must outlive the parser.
  explicit HeadParser(const TransportConfig& limits) : limits_(limits) {}

  // Takes bytes off the front of `bytes`, to the end of the head at most.
  void feed(std::string_view& bytes);

  bool started() const { return head_bytes_ > 0; }
  bool finished() const { return finished_; }
  const std::optional<ErrorDetails>& refusal() const { return refusal_; }

  const RequestHead& head() const { return head_; }
  RequestHead take() { return std::move(head_); }

 private:
  void refuse(ErrorDetails why) { refusal_ = std::move(why); }
  void refuse(std::string message);  // 400
  void refuse_long_target();         // 414
  void on_too_long();
  void on_line(std::string_view line);
  void on_request_line(std::string_view line);
  void on_target(std::string_view target);
  void on_field(std::string_view line);
  void on_end();
  void check_host();
  void check_framing();
  void check_connection();

  const TransportConfig& limits_;
  LineReader lines_;
  RequestHead head_;
  std::string target_authority_;  // of an absolute-form target
  std::size_t head_bytes_ = 0;
  bool blank_line_seen_ = false;
  bool finished_ = false;
  std::optional<ErrorDetails> refusal_;
};

struct Authority {
  std::string host;  // lower case, without brackets
  std::string port;  // digits, or ""
};

// Splits "host", "host:port" and "[v6]:port"; nullopt for anything else.
std::optional<Authority> parse_authority(std::string_view text);

}  // namespace bafa::http
