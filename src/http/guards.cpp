#include "http/guards.h"

#include <algorithm>

#include "bafa/error.h"
#include "base/text.h"

namespace bafa::http {
namespace {

bool contains(const std::vector<std::string>& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

// "application/json", with parameters or without.
bool is_json(std::string_view content_type) {
  return equal_ignoring_case(trim_blanks(content_type.substr(0, content_type.find(';'))),
                             "application/json");
}

bool is_safe(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS";
}

std::optional<ErrorDetails> check_body(const RequestHead& head) {
  const std::string* coding = head.headers.find("Content-Encoding");
  if (coding && !equal_ignoring_case(*coding, "identity"))
    return ErrorDetails{.code = ErrorCode::unsupported_media_type,
                        .message = "Request bodies may not be compressed; send plain JSON."};
  if (!head.has_body()) return std::nullopt;
  const std::string* type = head.headers.find("Content-Type");
  if (type && is_json(*type)) return std::nullopt;
  return ErrorDetails{.code = ErrorCode::unsupported_media_type,
                      .message =
                          "The body must be JSON and say so: Content-Type: application/json "
                          "(with curl: -H 'Content-Type: application/json')."};
}

[[noreturn]] void refuse(const std::string& option, const std::string& value,
                         const std::string& expected) {
  throw Error(ErrorCode::invalid_config, option + ": " + printable(value) + " must be " + expected,
              option);
}

// As the Host header is compared with it: without a port it stands for every port.
std::string allowed_host(const std::string& host) {
  if (const std::optional<Authority> authority = parse_authority(host))
    return authority->port.empty() ? authority->host : to_lower(host);
  // A bare IPv6 address is no authority, but it is clear what is meant.
  if (parse_authority("[" + host + "]")) return to_lower(host);
  refuse("listen.allowed_hosts", host, "a name or an address, such as images.example.org");
}

// As browsers write it: with the scheme, without a path.
std::string allowed_origin(const std::string& origin) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    const std::string given = to_lower(origin);
    if (given.starts_with(scheme) && parse_authority(given.substr(scheme.size()))) return given;
  }
  refuse("listen.allowed_origins", origin,
         "a scheme and a host without a path, such as https://app.example.org");
}

}  // namespace

Guards::Guards(const ListenConfig& config, const std::string& bound_host)
    : hosts_{"localhost", "127.0.0.1", "::1", to_lower(bound_host)} {
  for (const std::string& host : config.allowed_hosts) hosts_.push_back(allowed_host(host));
  for (const std::string& origin : config.allowed_origins)
    origins_.push_back(allowed_origin(origin));
}

bool Guards::host_is_allowed(const RequestHead& head, std::string_view local_address) const {
  return contains(hosts_, head.host) || contains(hosts_, head.authority) ||
         head.host == local_address;
}

// The server's own origin is its (allowed) Host under either scheme: a proxy may add TLS.
bool Guards::origin_is_allowed(const RequestHead& head, const std::string& origin) const {
  const std::string given = to_lower(origin);
  return given == "http://" + head.authority || given == "https://" + head.authority ||
         contains(origins_, given);
}

std::optional<ErrorDetails> Guards::check(const RequestHead& head,
                                          std::string_view local_address) const {
  if (!host_is_allowed(head, local_address))
    return ErrorDetails{.code = ErrorCode::misdirected_request,
                        .message =
                            "This server does not answer to that Host; its operator can add "
                            "the name to listen.allowed_hosts."};
  const std::string* origin = head.headers.find("Origin");
  const bool changes = !is_safe(head.method) || is_preflight(head);
  if (origin && changes && !origin_is_allowed(head, *origin))
    return ErrorDetails{.code = ErrorCode::forbidden_origin,
                        .message =
                            "Pages of that origin may not use this server; its operator can "
                            "add the origin to listen.allowed_origins."};
  return check_body(head);
}

std::string Guards::cors_origin(const RequestHead& head) const {
  const std::string* origin = head.headers.find("Origin");
  return origin && contains(origins_, to_lower(*origin)) ? *origin : "";
}

bool is_preflight(const RequestHead& head) {
  return head.method == "OPTIONS" && head.headers.find("Origin") &&
         head.headers.find("Access-Control-Request-Method");
}

HttpResponse preflight_response() {
  HttpResponse response;
  response.status = 204;
  response.headers.add("Access-Control-Allow-Methods", "GET, POST, DELETE");
  response.headers.add("Access-Control-Allow-Headers",
                       "Accept, Authorization, Content-Type, Idempotency-Key, Last-Event-ID, "
                       "Prefer, X-Request-Id");
  response.headers.add("Access-Control-Max-Age", "600");
  return response;
}

void add_cors_headers(HttpResponse& response, const std::string& origin) {
  response.headers.add("Access-Control-Allow-Origin", origin);
  response.headers.add("Access-Control-Expose-Headers",
                       "Idempotent-Replayed, Location, Retry-After, X-Duration-Ms, "
                       "X-Ignored-Params, X-Job-Id, X-Request-Id, X-Seed");
  response.headers.add("Vary", "Origin");
}

}  // namespace bafa::http
