#include "http/request_head.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace bafa::http {
namespace {

constexpr std::size_t kMethodAndVersionBytes = 64;  // of a request line, beside its target
constexpr std::size_t kMaxLengthDigits = 18;        // always fits 64 bits

constexpr std::array<std::string_view, 7> kMethods = {"GET",   "HEAD",   "POST",   "PUT",
                                                      "PATCH", "DELETE", "OPTIONS"};

// Fields of which a second one could be read differently by somebody in between.
constexpr std::array<std::string_view, 9> kSingletons = {
    "Host",           "Content-Length", "Transfer-Encoding", "Authorization",
    "Origin",         "Content-Type",   "Content-Encoding",  "Expect",
    "Idempotency-Key"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

bool is_one_of(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }

bool is_uri_char(char c) {
  return is_letter(c) || is_digit(c) || is_one_of(c, "-._~:/?@!$&'()*+,;=%");
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

bool escapes_are_whole(std::string_view target) {
  for (std::size_t i = target.find('%'); i != std::string_view::npos; i = target.find('%', i + 1))
    if (i + 2 >= target.size() || !is_hex(target[i + 1]) || !is_hex(target[i + 2])) return false;
  return true;
}

// "HTTP/" digit ["." digit]: a version, though perhaps not one of ours.
bool is_some_http_version(std::string_view text) {
  if (!text.starts_with("HTTP/")) return false;
  text.remove_prefix(5);
  return (text.size() == 1 || (text.size() == 3 && text[1] == '.' && is_digit(text[2]))) &&
         is_digit(text[0]);
}

std::size_t count_char(std::string_view text, char c) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), c));
}

}  // namespace

std::optional<Authority> parse_authority(std::string_view text) {
  Authority authority;
  std::string_view rest;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    authority.host = to_lower(text.substr(1, close - 1));
    rest = text.substr(close + 1);
    const auto fits = [](char c) { return is_hex(c) || c == ':' || c == '.'; };
    if (!std::all_of(authority.host.begin(), authority.host.end(), fits)) return std::nullopt;
  } else {
    const std::size_t colon = std::min(text.find(':'), text.size());
    authority.host = to_lower(text.substr(0, colon));
    rest = text.substr(colon);
    const auto fits = [](char c) { return is_letter(c) || is_digit(c) || is_one_of(c, "-._~"); };
    if (!std::all_of(authority.host.begin(), authority.host.end(), fits)) return std::nullopt;
  }
  if (authority.host.empty()) return std::nullopt;
  if (rest.empty()) return authority;
  authority.port = rest.substr(1);
  if (rest.front() != ':' || authority.port.size() > 5) return std::nullopt;
  if (!all_digits(authority.port)) return std::nullopt;
  return authority;
}

void HeadParser::refuse(std::string message) {
  refuse({.code = ErrorCode::bad_request, .message = std::move(message)});
}

void HeadParser::refuse_long_target() {
  refuse({.code = ErrorCode::uri_too_long,
          .message = "The path with its query may have " + std::to_string(limits_.max_path_bytes) +
                     " bytes."});
}

void HeadParser::feed(std::string_view& bytes) {
  while (!finished_ && !refusal_ && !bytes.empty()) {
    const bool first = head_.method.empty();
    const std::size_t line_limit =
        first ? limits_.max_path_bytes + kMethodAndVersionBytes : limits_.max_header_line_bytes;
    const std::size_t before = bytes.size();
    const LineStatus status = lines_.read(bytes, line_limit);
    head_bytes_ += before - bytes.size();
    if (status == LineStatus::malformed) {
      refuse("The request is not HTTP/1.1: lines end in CR LF and hold no control characters.");
    } else if (status == LineStatus::too_long || head_bytes_ > limits_.max_header_bytes) {
      on_too_long();
    } else if (status == LineStatus::complete) {
      on_line(lines_.line());
    }
  }
}

void HeadParser::on_too_long() {
  if (head_.method.empty() && lines_.line().find(' ') == std::string::npos) {
    refuse("The request does not begin with a method.");
  } else if (head_.method.empty()) {
    refuse_long_target();
  } else {
    refuse({.code = ErrorCode::header_fields_too_large,
            .message = "A header line may have " + std::to_string(limits_.max_header_line_bytes) +
                       " bytes and all headers together " +
                       std::to_string(limits_.max_header_bytes) + "."});
  }
}

void HeadParser::on_line(std::string_view line) {
  if (head_.method.empty()) {
    // RFC 9112, 2.2: an empty line before the request is left over from the one before.
    if (!line.empty() || blank_line_seen_) return on_request_line(line);
    blank_line_seen_ = true;
    return;
  }
  if (line.empty()) return on_end();
  on_field(line);
}

void HeadParser::on_request_line(std::string_view line) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (count_char(line, ' ') != 2)
    return refuse("The request line must be 'METHOD PATH HTTP/1.1' with single spaces.");
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (!is_token(method) || !is_some_http_version(version))
    return refuse("The request line must be 'METHOD PATH HTTP/1.1'.");
  if (version != "HTTP/1.1" && version != "HTTP/1.0")
    return refuse({.code = ErrorCode::bad_request,
                   .message = "This server speaks HTTP/1.1 (and HTTP/1.0).",
                   .status = 505});
  if (std::find(kMethods.begin(), kMethods.end(), method) == kMethods.end())
    return refuse({.code = ErrorCode::method_not_allowed,
                   .message = "No path of this server has this method; see the Allow header."});
  head_.http_1_0 = version == "HTTP/1.0";
  head_.keep_alive = !head_.http_1_0;
  head_.method = method;
  on_target(target);
}

void HeadParser::on_target(std::string_view target) {
  if (target.size() > limits_.max_path_bytes) return refuse_long_target();
  if (!std::all_of(target.begin(), target.end(), is_uri_char) || !escapes_are_whole(target))
    return refuse("The path has a character that must be percent-encoded.");
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    target.remove_prefix(scheme.size());
    const std::size_t end = std::min(target.find_first_of("/?"), target.size());
    target_authority_ = to_lower(target.substr(0, end));
    target.remove_prefix(end);
    if (!target.starts_with('/')) head_.path = "/";
    break;
  }
  const std::size_t question = std::min(target.find('?'), target.size());
  head_.path += target.substr(0, question);
  head_.query = target.substr(std::min(target.size(), question + 1));
  if (!head_.path.starts_with('/')) return refuse("The path must begin with '/'.");
  if (!percent_decode(head_.path))
    return refuse("The path holds an encoded control character or is not UTF-8.");
}

void HeadParser::on_field(std::string_view line) {
  if (line.front() == ' ' || line.front() == '\t')
    return refuse("A header may not be folded over several lines.");
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon)))
    return refuse("A header must be 'Name: value', without a space before the colon.");
  if (head_.headers.size() >= static_cast<std::size_t>(limits_.max_headers))
    return refuse(
        {.code = ErrorCode::header_fields_too_large,
         .message = "A request may have " + std::to_string(limits_.max_headers) + " headers."});
  head_.headers.add(std::string(line.substr(0, colon)),
                    std::string(trim_blanks(line.substr(colon + 1))));
}

void HeadParser::on_end() {
  for (const std::string_view name : kSingletons)
    if (head_.headers.count(name) > 1)
      return refuse("The header " + std::string(name) + " is given twice.");
  check_host();
  if (!refusal_) check_framing();
  if (!refusal_) check_connection();
  finished_ = !refusal_;
}

void HeadParser::check_host() {
  const std::string* field = head_.headers.find("Host");
  const std::optional<Authority> authority =
      field ? parse_authority(*field) : std::optional<Authority>();
  if (!authority) return refuse("The request needs one Host header with a host name.");
  head_.host = authority->host;
  head_.authority = to_lower(*field);
  if (!target_authority_.empty() && target_authority_ != head_.authority)
    refuse("The host of the request line is not the one of the Host header.");
}

void HeadParser::check_framing() {
  const std::string* length = head_.headers.find("Content-Length");
  const std::string* coding = head_.headers.find("Transfer-Encoding");
  if (length && coding) return refuse("Content-Length and Transfer-Encoding exclude each other.");
  if (coding && (!equal_ignoring_case(*coding, "chunked") || head_.http_1_0))
    return refuse("The only transfer coding is 'chunked', in HTTP/1.1.");
  head_.chunked = coding != nullptr;
  if (length) {
    if (!all_digits(*length) || length->size() > kMaxLengthDigits)
      return refuse("Content-Length must be a decimal number of bytes.");
    std::uint64_t value = 0;
    std::from_chars(length->data(), length->data() + length->size(), value);
    head_.content_length = value;
  }
  const bool bodiless =
      head_.method == "GET" || head_.method == "HEAD" || head_.method == "OPTIONS";
  if (bodiless && head_.has_body()) return refuse("A " + head_.method + " request has no body.");
  if (head_.content_length.value_or(0) > limits_.max_body_bytes)
    refuse({.code = ErrorCode::payload_too_large,
            .message =
                "A request body may have " + std::to_string(limits_.max_body_bytes) + " bytes."});
}

void HeadParser::check_connection() {
  for (const Headers::Field& field : head_.headers) {
    if (!equal_ignoring_case(field.name, "Connection")) continue;
    for (std::string_view rest = field.value; !rest.empty();) {
      const std::string_view option = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(rest.size(), option.size() + 1));
      if (equal_ignoring_case(trim_blanks(option), "close")) head_.keep_alive = false;
    }
  }
  const std::string* expect = head_.headers.find("Expect");
  if (!expect || head_.http_1_0) return;
  if (!equal_ignoring_case(*expect, "100-continue"))
    return refuse({.code = ErrorCode::bad_request,
                   .message = "The only expectation that can be met is '100-continue'.",
                   .status = 417});
  head_.expect_continue = true;
}

}  // namespace bafa::http
