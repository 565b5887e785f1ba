#include "http/trusted_proxies.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "bafa/error.h"
#include "base/text.h"
#include "http/line_reader.h"

namespace bafa::http {
namespace {

constexpr int kMappedBits = 96;  // of ::ffff:0.0.0.0/96, where IPv4 lies

std::optional<in6_addr> parse_address(std::string_view text) {
  const std::string copy(text);
  in6_addr v6{};
  if (::inet_pton(AF_INET6, copy.c_str(), &v6) == 1) return v6;
  if (::inet_pton(AF_INET6, ("::ffff:" + copy).c_str(), &v6) == 1) return v6;
  return std::nullopt;
}

// As the listener writes a peer's address.
std::string text_of(const in6_addr& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (IN6_IS_ADDR_V4MAPPED(&address)) {
    ::inet_ntop(AF_INET, &address.s6_addr[12], text.data(), text.size());
  } else {
    ::inet_ntop(AF_INET6, &address, text.data(), text.size());
  }
  return text.data();
}

in6_addr masked(in6_addr address, int bits) {
  for (int i = 0; i < 16; ++i) {
    const int kept = std::clamp(bits - 8 * i, 0, 8);
    address.s6_addr[i] &= static_cast<std::uint8_t>(0xff00 >> kept);
  }
  return address;
}

bool equal(const in6_addr& a, const in6_addr& b) {
  return std::equal(std::begin(a.s6_addr), std::end(a.s6_addr), std::begin(b.s6_addr));
}

// Every entry of every field of that name, in order.
std::vector<std::string_view> entries(const Headers& headers, std::string_view name) {
  std::vector<std::string_view> found;
  for (const Headers::Field& field : headers) {
    if (!equal_ignoring_case(field.name, name)) continue;
    for (std::string_view rest = field.value;;) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      found.push_back(trim_blanks(rest.substr(0, comma)));
      if (comma == rest.size()) break;
      rest.remove_prefix(comma + 1);
    }
  }
  return found;
}

}  // namespace

std::optional<TrustedProxies::Network> TrustedProxies::parse(std::string_view text) {
  const std::size_t slash = std::min(text.find('/'), text.size());
  const auto address = parse_address(text.substr(0, slash));
  if (!address) return std::nullopt;
  Network network{.prefix = *address};
  if (slash == text.size()) return network;
  const bool v4 = IN6_IS_ADDR_V4MAPPED(&*address) && text.find(':') == text.npos;
  const std::string_view digits = text.substr(slash + 1);
  int bits = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  if (bits < 0 || bits > (v4 ? 32 : 128)) return std::nullopt;
  network.bits = v4 ? kMappedBits + bits : bits;
  if (!equal(masked(network.prefix, network.bits), network.prefix)) return std::nullopt;
  return network;
}

TrustedProxies::TrustedProxies(const std::vector<std::string>& networks) {
  for (const std::string& text : networks) {
    const auto network = parse(text);
    if (!network)
      throw Error(ErrorCode::invalid_config,
                  "listen.trusted_proxies: " + printable(text) +
                      " must be an address or a network, such as 127.0.0.1 or 10.0.0.0/8",
                  "listen.trusted_proxies");
    networks_.push_back(*network);
  }
}

bool TrustedProxies::trusts(std::string_view address) const {
  if (networks_.empty()) return false;
  const auto parsed = parse_address(address);
  return parsed && std::ranges::any_of(networks_, [&](const Network& network) {
           return equal(masked(*parsed, network.bits), network.prefix);
         });
}

Caller TrustedProxies::caller_of(const std::string& peer, const Headers& headers) const {
  Caller caller{.address = peer};
  if (!trusts(peer)) return caller;
  std::vector<std::string_view> hops = entries(headers, "X-Forwarded-For");
  while (!hops.empty() && trusts(caller.address)) {
    const auto address = parse_address(hops.back());
    if (!address) break;
    caller.address = text_of(*address);
    hops.pop_back();
  }
  const auto schemes = entries(headers, "X-Forwarded-Proto");
  caller.secure = !schemes.empty() && equal_ignoring_case(schemes.back(), "https");
  return caller;
}

}  // namespace bafa::http
