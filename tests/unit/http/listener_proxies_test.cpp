// Who a request is from, when it comes through a proxy, and whose limits it counts for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "support/listener_harness.h"

namespace bafa::test {
namespace {

constexpr const char* kProxy = "127.0.0.2";
const http::ApiKey kKey{.name = "alice", .key = "0123456789abcdef"};

class ListenerProxies : public ListenerHarness {
 protected:
  static std::string request(const std::string& path, const std::string& client) {
    return get_request(path, "X-Forwarded-For: " + client + "\r\nX-Forwarded-Proto: https\r\n");
  }
  std::string who(const std::string& from, const std::string& client) {
    RawConnection connection(port(), from);
    connection.send(request("/who", client));
    return connection.read_answer().body;
  }
  // Stands at its handler, or was refused: the status then.
  std::unique_ptr<RawConnection> wait_as(const std::string& client) {
    auto connection = std::make_unique<RawConnection>(port(), kProxy);
    connection->send(request("/wait", client));
    return connection;
  }
};

TEST_F(ListenerProxies, AreBelievedWhenTheyAreTrusted) {
  start({}, {}, {kProxy});
  EXPECT_THAT(who(kProxy, "203.0.113.9"), testing::HasSubstr("https 203.0.113.9"));
}

TEST_F(ListenerProxies, ForgedForwardingHeadersCountForNothing) {
  start({}, {}, {kProxy});
  EXPECT_THAT(who("127.0.0.3", "203.0.113.9"), testing::HasSubstr("http 127.0.0.3"));
  EXPECT_THAT(who(kProxy, "198.51.100.1, 203.0.113.9"), testing::HasSubstr("https 203.0.113.9"));
}

TEST_F(ListenerProxies, NobodyIsBelievedByDefault) {
  start();
  EXPECT_THAT(who(kProxy, "203.0.113.9"), testing::HasSubstr("http 127.0.0.2"));
}

TEST_F(ListenerProxies, EachClientHasTheLimitOfAnAddress) {
  start({.max_connections = 100, .max_connections_per_address = 4}, {}, {kProxy});
  gate_.close();
  std::vector<std::unique_ptr<RawConnection>> waiting;
  for (int i = 0; i < 3; ++i) waiting.push_back(wait_as("203.0.113.9"));
  ASSERT_TRUE(handling(3));
  EXPECT_EQ(wait_as("203.0.113.9")->read_status(), 429) << "three of its four may wait";
  for (int i = 0; i < 3; ++i) waiting.push_back(wait_as("203.0.113.10"));
  EXPECT_TRUE(handling(6)) << "another client";
  RawConnection health(port(), kProxy);
  health.send(request("/now", "203.0.113.9"));
  EXPECT_EQ(health.read_status(), 200);
  gate_.open();
  for (const auto& connection : waiting) EXPECT_EQ(connection->read_status(), 200);
  EXPECT_TRUE(eventually([&] { return wait_as("203.0.113.9")->read_status() == 200; }));
}

TEST_F(ListenerProxies, RequestsOneAfterTheOtherOnOneConnectionAreFromDifferentClients) {
  start({.max_connections_per_address = 1}, {}, {kProxy});
  RawConnection connection(port(), kProxy);
  for (const char* client : {"203.0.113.9", "203.0.113.10", "203.0.113.9"}) {
    connection.send(request("/who", client));
    EXPECT_THAT(connection.read_answer().body, testing::HasSubstr(client));
  }
}

TEST_F(ListenerProxies, OnlyTheClientThatGuessesKeysIsSlowed) {
  start({}, {kKey}, {kProxy});
  const auto guess = [&](const std::string& client) {
    auto connection = std::make_unique<RawConnection>(port(), kProxy);
    connection->send(get_request(
        "/quick",
        "Authorization: Bearer wrong-wrong-wrong\r\nX-Forwarded-For: " + client + "\r\n"));
    return connection;
  };
  for (int i = 0; i < 3; ++i) EXPECT_EQ(guess("203.0.113.9")->read_status(), 401);
  const auto slowed = guess("203.0.113.9");
  EXPECT_TRUE(slowed->is_silent());
  EXPECT_EQ(guess("203.0.113.10")->read_status(), 401);
}

}  // namespace
}  // namespace bafa::test
