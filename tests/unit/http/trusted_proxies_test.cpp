#include "http/trusted_proxies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bafa/error.h"

namespace bafa::http {
namespace {

Headers forwarded(const std::vector<std::string>& values) {
  Headers headers;
  for (const std::string& value : values) headers.add("x-forwarded-for", value);
  return headers;
}

std::string client_of(const TrustedProxies& proxies, const std::string& peer,
                      const std::vector<std::string>& values) {
  return proxies.caller_of(peer, forwarded(values)).address;
}

TEST(TrustedProxies, NobodyIsTrustedUnlessNamed) {
  const TrustedProxies nobody({});
  EXPECT_FALSE(nobody.trusts("127.0.0.1"));
  EXPECT_EQ(client_of(nobody, "127.0.0.1", {"203.0.113.9"}), "127.0.0.1");
}

TEST(TrustedProxies, AreAddressesAndNetworks) {
  const TrustedProxies proxies({"127.0.0.1", "10.20.0.0/15", "fd00::/8", "::1"});
  for (const char* address :
       {"127.0.0.1", "10.20.0.1", "10.21.255.255", "fd12::9", "::1", "::ffff:127.0.0.1"})
    EXPECT_TRUE(proxies.trusts(address)) << address;
  for (const char* address : {"127.0.0.2", "10.22.0.0", "10.19.255.255", "fc00::1", "::2", "", "x"})
    EXPECT_FALSE(proxies.trusts(address)) << address;
}

TEST(TrustedProxies, ANetworkOfEverythingIsEverything) {
  EXPECT_TRUE(TrustedProxies({"0.0.0.0/0"}).trusts("198.51.100.1"));
  EXPECT_FALSE(TrustedProxies({"0.0.0.0/0"}).trusts("2001:db8::1"));
  EXPECT_TRUE(TrustedProxies({"::/0"}).trusts("2001:db8::1"));
}

TEST(TrustedProxies, RefuseWhatIsNoNetworkByName) {
  for (const char* text : {"", "proxy.example", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x",
                           "10.0.0.1/8", "10.0.0.0/", "fd00::/129", "fd00::1/8", "10.0.0"}) {
    try {
      const TrustedProxies proxies({text});
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_config);
      EXPECT_THAT(error.what(), testing::HasSubstr("listen.trusted_proxies"));
    }
  }
}

TEST(TrustedProxies, NameTheClient) {
  const TrustedProxies proxies({"127.0.0.1"});
  EXPECT_EQ(client_of(proxies, "127.0.0.1", {"203.0.113.9"}), "203.0.113.9");
  EXPECT_EQ(client_of(proxies, "127.0.0.1", {"2001:DB8::9"}), "2001:db8::9");
  EXPECT_EQ(client_of(proxies, "127.0.0.1", {"::ffff:203.0.113.9"}), "203.0.113.9");
}

TEST(TrustedProxies, WhatAClientClaimsOfItselfIsNotBelieved) {
  const TrustedProxies proxies({"127.0.0.1", "10.0.0.0/8"});
  EXPECT_EQ(client_of(proxies, "203.0.113.9", {"198.51.100.1"}), "203.0.113.9");
  EXPECT_EQ(client_of(proxies, "127.0.0.1", {"198.51.100.1, 203.0.113.9"}), "203.0.113.9");
  EXPECT_EQ(client_of(proxies, "127.0.0.1", {"198.51.100.1", "203.0.113.9"}), "203.0.113.9");
  EXPECT_EQ(client_of(proxies, "127.0.0.1", {"127.0.0.1, 203.0.113.9"}), "203.0.113.9");
  EXPECT_EQ(client_of(proxies, "127.0.0.1", {"198.51.100.1, 203.0.113.9 ,10.1.2.3"}), "203.0.113.9")
      << "two proxies in a row";
}

TEST(TrustedProxies, AProxyThatNamesNobodyAsksItself) {
  const TrustedProxies proxies({"127.0.0.1", "10.0.0.0/8"});
  for (const char* text : {"", "unknown", "203.0.113.9:4711", "a,,", "1.2.3", "[2001:db8::9]"})
    EXPECT_EQ(client_of(proxies, "127.0.0.1", {text}), "127.0.0.1") << text;
  EXPECT_EQ(client_of(proxies, "127.0.0.1", {}), "127.0.0.1");
  EXPECT_EQ(client_of(proxies, "127.0.0.1", {"198.51.100.1, junk, 10.0.0.1"}), "10.0.0.1");
}

TEST(TrustedProxies, SayWhetherTheClientSpeaksTls) {
  const TrustedProxies proxies({"127.0.0.1"});
  const auto secure = [&](const std::string& peer, const std::string& value) {
    Headers headers;
    headers.add("X-Forwarded-Proto", value);
    return proxies.caller_of(peer, headers).secure;
  };
  EXPECT_TRUE(secure("127.0.0.1", "https"));
  EXPECT_TRUE(secure("127.0.0.1", "http, HTTPS"));
  EXPECT_FALSE(secure("127.0.0.1", "https, http"));
  EXPECT_FALSE(secure("127.0.0.1", "httpsx"));
  EXPECT_FALSE(secure("203.0.113.9", "https"));
  EXPECT_FALSE(proxies.caller_of("127.0.0.1", {}).secure);
}

}  // namespace
}  // namespace bafa::http
