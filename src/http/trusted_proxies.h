// Who asks, when a proxy stands between: forwarding headers count only from the addresses that the
// operator named, because everybody else can write into them what they like. Made once, then read
// by the listener's thread.
#pragma once

#include <netinet/in.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace bafa::http {

// What the request says about the way it came, as far as that is believed.
struct Caller {
  std::string address;  // numeric, of the client
  bool secure = false;  // the client spoke TLS to the proxy
};

class TrustedProxies {
 public:
  // Addresses and networks: "127.0.0.1", "10.0.0.0/8", "fd00::/8". Throws Error{invalid_config} for
  // anything else, also for a network with bits behind its prefix.
  explicit TrustedProxies(const std::vector<std::string>& networks);

  bool trusts(std::string_view address) const;

  // `peer` itself unless it is trusted. Otherwise X-Forwarded-For is read from its end, where the
  // nearest proxy wrote: the first address that is not trusted is the client; what stands before it
  // is the client's own claim, and what is no address ends the search.
  Caller caller_of(const std::string& peer, const Headers& headers) const;

 private:
  struct Network {
    in6_addr prefix{};  // IPv4 as ::ffff:a.b.c.d
    int bits = 128;
  };

  static std::optional<Network> parse(std::string_view text);

  std::vector<Network> networks_;
};

}  // namespace bafa::http
