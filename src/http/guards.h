// What a browser can be made to send against its user's will, refused before any route sees it:
// foreign Host names (DNS rebinding), foreign Origins, bodies that need no preflight. Decides from
// the head alone. Made once, then read by the listener's thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bafa/config.h"
#include "http/error_response.h"
#include "http/message.h"
#include "http/request_head.h"

namespace bafa::http {

class Guards {
 public:
  // `bound_host` is the address that this listener is bound to.
  Guards(const ListenConfig& config, const std::string& bound_host);

  // nullopt: the request may go on. `local_address` is where the connection came in.
  std::optional<ErrorDetails> check(const RequestHead& head, std::string_view local_address) const;

  // The request's Origin when it is a configured one, else "": only it gets the CORS headers.
  std::string cors_origin(const RequestHead& head) const;

 private:
  bool host_is_allowed(const RequestHead& head, std::string_view local_address) const;
  bool origin_is_allowed(const RequestHead& head, const std::string& origin) const;

  std::vector<std::string> hosts_;    // lower case, without brackets; with a port where one matters
  std::vector<std::string> origins_;  // lower case
};

// A browser's question before a request from another origin.
bool is_preflight(const RequestHead& head);
HttpResponse preflight_response();

// Lets scripts of `origin` read the answer.
void add_cors_headers(HttpResponse& response, const std::string& origin);

}  // namespace bafa::http
