#include "http/response_writer.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

#include "base/log.h"
#include "http/guards.h"
#include "http/line_reader.h"
#include "http/socket.h"

namespace bafa::http {
namespace {

constexpr std::uint64_t kSlowestBytesPerSecond = 64
                                                 << 10;  // a reader of a long body gets no slower
constexpr std::chrono::milliseconds kPatience{100};      // between two looks at the clock

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 410:
      return "Gone";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 499:
      return "Client Closed Request";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    case 507:
      return "Insufficient Storage";
    default:
      return "";  // RFC 9112, 4: it may be empty, and clients do not read it
  }
}

std::string http_date(std::chrono::system_clock::time_point now) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 64> text{};
  const std::size_t size =
      std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text.data(), size};
}

bool is_field_value(std::string_view value) {
  return std::none_of(value.begin(), value.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
}

bool is_transports_own(std::string_view name) {
  return equal_ignoring_case(name, "Content-Length") ||
         equal_ignoring_case(name, "Transfer-Encoding") || equal_ignoring_case(name, "Connection");
}

void add_field(std::string& head, std::string_view name, std::string_view value) {
  ((head += name) += ": ") += value;
  head += "\r\n";
}

bool has_no_body(int status) { return status == 204 || status == 304; }

}  // namespace

std::string serialize_head(const HttpResponse& response, const AnswerContext& context,
                           std::chrono::system_clock::time_point now) {
  std::string head = "HTTP/1.1 " + std::to_string(response.status) + ' ';
  head += reason_phrase(response.status);
  head += "\r\n";
  for (const auto& [name, value] : response.headers) {
    if (is_transports_own(name)) continue;
    if (is_token(name) && is_field_value(value)) {
      add_field(head, name, value);
    } else {
      spdlog::error("header_dropped status={} request_id={}", response.status, context.request_id);
    }
  }
  if (!response.headers.find("Cache-Control")) add_field(head, "Cache-Control", "no-store");
  add_field(head, "X-Content-Type-Options", "nosniff");
  add_field(head, "X-Request-Id", context.request_id);
  add_field(head, "Date", http_date(now));
  if (response.stream && !context.http_1_0) {
    add_field(head, "Transfer-Encoding", "chunked");
  } else if (!response.stream && !has_no_body(response.status)) {
    add_field(head, "Content-Length", std::to_string(response.bytes().size()));
  }
  add_field(head, "Connection", context.keep_alive ? "keep-alive" : "close");
  return head += "\r\n";
}

class ResponseWriter::ChunkSink final : public BodySink {
 public:
  ChunkSink(ResponseWriter& writer, bool chunked) : writer_(writer), chunked_(chunked) {}

  bool write(std::string_view bytes) override {
    if (bytes.empty() || broken_) return !broken_;
    broken_ = !(chunked_ ? write_chunk(bytes) : writer_.write(bytes));
    return !broken_;
  }

  bool client_connected() const override { return !broken_ && peer_is_connected(writer_.socket_); }

  bool broken() const { return broken_; }

 private:
  bool write_chunk(std::string_view bytes) {
    std::array<char, 24> size{};
    const int digits = std::snprintf(size.data(), size.size(), "%zx\r\n", bytes.size());
    return writer_.write({size.data(), static_cast<std::size_t>(digits)}, bytes) &&
           writer_.write("\r\n");
  }

  ResponseWriter& writer_;
  const bool chunked_;
  bool broken_ = false;
};

bool ResponseWriter::send(HttpResponse response, const AnswerContext& context) {
  if (!context.cors_origin.empty()) add_cors_headers(response, context.cors_origin);
  const std::string head = serialize_head(response, context, clock_.wall_now());
  begun_ = true;
  if (response.stream) return write(head) && (context.head_request || stream(response, context));
  const bool with_body = !context.head_request && !has_no_body(response.status);
  return write(head, with_body ? response.bytes() : std::string_view());
}

bool ResponseWriter::stream(const HttpResponse& response, const AnswerContext& context) {
  ChunkSink sink(*this, !context.http_1_0);
  response.stream(sink);
  if (sink.broken()) return false;
  return context.http_1_0 || write("0\r\n\r\n");
}

bool ResponseWriter::write(std::string_view first, std::string_view second) {
  const std::chrono::seconds for_length((first.size() + second.size()) / kSlowestBytesPerSecond);
  const MonotonicTime deadline = clock_.now() + timeout_ + for_length;
  while (!first.empty() || !second.empty()) {
    const std::optional<std::size_t> sent = send_some(socket_, first, second);
    if (!sent) return false;
    sent_bytes_ += *sent;
    const std::size_t of_first = std::min(*sent, first.size());
    first.remove_prefix(of_first);
    second.remove_prefix(*sent - of_first);
    if (*sent > 0) continue;
    if (timeout_ == std::chrono::milliseconds(0) || clock_.now() >= deadline) return false;
    wait_writable(socket_, static_cast<int>(kPatience.count()));
  }
  return true;
}

}  // namespace bafa::http
