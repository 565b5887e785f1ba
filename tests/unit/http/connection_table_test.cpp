#include "http/connection_table.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "support/manual_clock.h"

namespace bafa::http {
namespace {

using std::chrono::seconds;
using State = Connection::State;

// Four connections in all, three of one address, and two beyond the caps.
class ConnectionTableTest : public testing::Test {
 protected:
  // The address "" is a proxy's.
  Connection& add(const std::string& address, State state = State::reading) {
    const ConnectionTable::Room room = table_.make_room(address, clock_.now());
    if (room.to_close) table_.remove(*room.to_close);
    auto connection =
        std::make_unique<Connection>(++last_id_, AcceptedSocket{.peer = address}, address, limits_);
    connection->state = state;
    connection->overflow = room.overflow;
    connection->since = clock_.now();
    clock_.advance(seconds(1));
    return table_.add(std::move(connection));
  }

  // Brings its request so far that only its body is missing.
  static void read_head(Connection& connection) {
    std::string_view bytes = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n";
    connection.reader->feed(bytes);
    connection.reader->expect_body();
  }
  static void begin_head(Connection& connection) {
    std::string_view bytes = "GET";
    connection.reader->feed(bytes);
  }

  bool is_here(std::uint64_t id) { return table_.find(id) != nullptr; }

  const TransportConfig limits_;
  test::ManualClock clock_;
  ConnectionTable table_{{.total = 4, .per_address = 3, .overflow = 2}};
  std::uint64_t last_id_ = 0;
};

TEST_F(ConnectionTableTest, HasRoomUpToItsCaps) {
  for (const char* address : {"a", "a", "a", "b"}) EXPECT_FALSE(add(address).overflow);
  EXPECT_EQ(table_.size(), 4);
}

TEST_F(ConnectionTableTest, ClosesTheLongestIdleOfTheAddressThatIsFull) {
  const auto other = add("b").id;
  const auto oldest = add("a").id;
  add("a");
  add("a");
  EXPECT_FALSE(add("a").overflow);
  EXPECT_FALSE(is_here(oldest));
  EXPECT_TRUE(is_here(other)) << "another address pays nothing for it";
}

TEST_F(ConnectionTableTest, ClosesTheLongestIdleOfAllWhenAllAreTooMany) {
  const auto oldest = add("a").id;
  for (const char* address : {"b", "c", "d", "e"}) add(address);
  EXPECT_FALSE(is_here(oldest));
  EXPECT_EQ(table_.size(), 4);
}

TEST_F(ConnectionTableTest, ClosesFirstWhoKeepsNobodyWaiting) {
  Connection& body = add("a");
  read_head(body);
  Connection& head = add("b");
  begin_head(head);
  const auto idle = add("c").id;
  const auto lingering = add("d", State::lingering).id;
  add("e", State::handling);
  EXPECT_FALSE(is_here(lingering));
  add("f", State::handling);
  EXPECT_FALSE(is_here(idle));
  const auto head_id = head.id;
  const auto body_id = body.id;
  add("g", State::handling);
  EXPECT_FALSE(is_here(head_id));
  EXPECT_TRUE(is_here(body_id));
  add("h", State::handling);
  EXPECT_FALSE(is_here(body_id)) << "it has had more than its second";
}

TEST_F(ConnectionTableTest, KeepsABodyThatHasJustBegun) {
  for (int i = 0; i < 3; ++i) add("b" + std::to_string(i), State::handling);
  Connection& body = add("a");
  read_head(body);
  body.since = clock_.now();
  EXPECT_TRUE(add("c").overflow);
}

TEST_F(ConnectionTableTest, NeverClosesARequestAtItsHandler) {
  for (int i = 0; i < 4; ++i) add("a" + std::to_string(i), State::handling);
  EXPECT_TRUE(add("b").overflow);
  EXPECT_EQ(table_.size(), 5);
}

TEST_F(ConnectionTableTest, ReplacesTheOldestBeyondTheCaps) {
  for (int i = 0; i < 4; ++i) add("a" + std::to_string(i), State::handling);
  const auto first = add("b").id;
  add("c");
  EXPECT_TRUE(add("d").overflow);
  EXPECT_FALSE(is_here(first));
  EXPECT_EQ(table_.size(), 6);
}

TEST_F(ConnectionTableTest, GivesPlacesBack) {
  Connection& one = add("a", State::handling);
  add("a", State::handling);
  add("a", State::handling);
  EXPECT_TRUE(add("a").overflow);
  table_.remove(one);
  EXPECT_FALSE(add("a").overflow);
}

TEST_F(ConnectionTableTest, KeepsAQuarterOfEachCapFromRequestsThatWait) {
  Connection& first = add("a");
  EXPECT_TRUE(table_.take_waiting_place(first));
  EXPECT_TRUE(table_.take_waiting_place(add("a")));
  EXPECT_FALSE(table_.take_waiting_place(add("a"))) << "of an address: two of three";
  Connection& other = add("b");
  EXPECT_TRUE(table_.take_waiting_place(other)) << "in all: three of four";
  EXPECT_EQ(table_.waiting(), 3);
  table_.give_waiting_place_back(first);
  table_.give_waiting_place_back(first);
  EXPECT_EQ(table_.waiting(), 2);
  table_.remove(other);
  EXPECT_EQ(table_.waiting(), 1) << "who goes gives it back";
}

TEST(AddressGroup, TakesAWholeIpv6NetworkForOneAddress) {
  EXPECT_EQ(address_group("10.0.0.1"), "10.0.0.1");
  EXPECT_EQ(address_group("2001:db8:1:2:3:4:5:6"), address_group("2001:db8:1:2::9"));
  EXPECT_NE(address_group("2001:db8:1:2::9"), address_group("2001:db8:1:3::9"));
}

TEST_F(ConnectionTableTest, AProxyMayHaveAllConnectionsThatThereAre) {
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(add("", State::handling).overflow);
  EXPECT_TRUE(add("", State::handling).overflow);
}

TEST_F(ConnectionTableTest, CountsRequestsThroughAProxyByWhoSendsThem) {
  Connection& first = add("");
  Connection& second = add("");
  Connection& third = add("");
  add("a");
  EXPECT_TRUE(table_.begin_request(first, "a"));
  EXPECT_TRUE(table_.begin_request(second, "a"));
  EXPECT_FALSE(table_.begin_request(third, "a")) << "with its own connection there are three";
  EXPECT_TRUE(table_.begin_request(third, "b"));
  table_.end_request(third);
  EXPECT_FALSE(table_.begin_request(third, "a"));
  table_.remove(first);
  EXPECT_TRUE(table_.begin_request(third, "a"));
}

TEST_F(ConnectionTableTest, GivesPlacesToWaitByWhoSendsARequestThroughAProxy) {
  Connection& first = add("");
  Connection& second = add("");
  Connection& third = add("");
  ASSERT_TRUE(table_.begin_request(first, "a"));
  ASSERT_TRUE(table_.begin_request(second, "a"));
  ASSERT_TRUE(table_.begin_request(third, "a"));
  EXPECT_TRUE(table_.take_waiting_place(first));
  EXPECT_TRUE(table_.take_waiting_place(second));
  EXPECT_FALSE(table_.take_waiting_place(third)) << "three quarters of three";
  table_.end_request(first);
  EXPECT_TRUE(table_.take_waiting_place(third));
  EXPECT_EQ(table_.waiting(), 2);
}

}  // namespace
}  // namespace bafa::http
