// What a listener does with clients that are slow, silent, many, or without a key; and its end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "support/listener_harness.h"

namespace bafa::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::eventually;
using test::get_request;
using test::post_head;
using test::RawAnswer;
using test::RawConnection;
using testing::HasSubstr;

using ListenerLimits = test::ListenerHarness;

// ---- slow and silent clients
// ----------------------------------------------------------------------

TEST_F(ListenerLimits, ClosesAConnectionThatSaysNothing) {
  start();
  RawConnection client(port());
  ASSERT_TRUE(open_connections(1));
  clock_.advance(seconds(9));
  EXPECT_TRUE(client.is_silent());
  clock_.advance(seconds(2));
  EXPECT_TRUE(client.is_closed());
}

TEST_F(ListenerLimits, GivesAHeadItsTimeInAllHoweverItTrickles) {
  start();
  RawConnection client(port());
  client.send("G");
  for (const char c : get_request("/quick").substr(1, 9)) {
    ASSERT_TRUE(caught_up() && client.is_silent());
    clock_.advance(seconds(1));
    client.send({&c, 1});
  }
  EXPECT_TRUE(caught_up() && client.is_silent());
  clock_.advance(seconds(2));
  EXPECT_EQ(client.read_status(), 408);
  EXPECT_TRUE(client.is_closed());
}

TEST_F(ListenerLimits, GivesALaterHeadNoMoreTimeThanTheFirst) {
  start();
  RawConnection client(port());
  client.send(get_request("/quick"));
  EXPECT_EQ(client.read_status(), 200);
  ASSERT_TRUE(caught_up() && client.is_silent());
  clock_.advance(seconds(25));
  client.send("G");
  ASSERT_TRUE(caught_up() && client.is_silent());
  clock_.advance(seconds(9));
  EXPECT_TRUE(client.is_silent()) << "it began when the idle time was nearly over";
  clock_.advance(seconds(2));
  EXPECT_EQ(client.read_status(), 408);
}

TEST_F(ListenerLimits, GivesABodyItsTimeInAllHoweverItTrickles) {
  start();
  RawConnection client(port());
  client.send(post_head(100));
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(caught_up() && client.is_silent());
    clock_.advance(seconds(9));
    client.send("x");
  }
  ASSERT_TRUE(caught_up() && client.is_silent());
  clock_.advance(seconds(4));
  EXPECT_EQ(client.read_status(), 408);
  EXPECT_TRUE(client.is_closed());
}

TEST_F(ListenerLimits, ClosesAnIdleConnectionAfterAWhile) {
  start();
  RawConnection client(port());
  client.send(get_request("/quick"));
  EXPECT_EQ(client.read_status(), 200);
  ASSERT_TRUE(caught_up() && client.is_silent());
  clock_.advance(seconds(29));
  EXPECT_TRUE(client.is_silent());
  client.send(get_request("/quick"));
  EXPECT_EQ(client.read_status(), 200);
  ASSERT_TRUE(caught_up() && client.is_silent());
  clock_.advance(seconds(31));
  EXPECT_TRUE(client.is_closed());
}

TEST_F(ListenerLimits, ServesOthersBesideAHundredThatTrickle) {
  start({.max_connections_per_address = 200});
  std::vector<std::unique_ptr<RawConnection>> slow;
  for (int i = 0; i < 100; ++i) {
    slow.push_back(std::make_unique<RawConnection>(port()));
    slow.back()->send(i % 2 ? "GET /" : post_head(100) + "x");
  }
  ASSERT_TRUE(open_connections(100));
  EXPECT_EQ(listener_->stats().handling, 0) << "none of them has a thread";
  EXPECT_EQ(ask("/quick"), 200);
  clock_.advance(seconds(31));
  for (const auto& client : slow) EXPECT_EQ(client->read_status(), 408);
}

TEST_F(ListenerLimits, GivesUpOnAReaderThatTakesNothing) {
  start();
  for (const char* path : {"/large", "/stream"}) {
    RawConnection client(port());
    client.send(get_request(path));
    ASSERT_TRUE(handling(1)) << path;
    ASSERT_TRUE(client.send("x")) << "it is there, but does not read";
    ASSERT_TRUE(eventually([&] {
      clock_.advance(seconds(60));
      return listener_->stats().handling == 0;
    })) << path;
    EXPECT_EQ(records().back().status, 499) << path;
  }
}

TEST_F(ListenerLimits, SendsALongAnswerToAReaderThatTakesIt) {
  start();
  RawConnection client(port());
  client.send(get_request("/large"));
  EXPECT_EQ(client.read_answer().body.size(), std::size_t{16} << 20);
}

TEST_F(ListenerLimits, SurvivesAResetInMidAnswer) {
  start();
  RawConnection client(port());
  client.send(get_request("/stream"));
  ASSERT_TRUE(handling(1));
  client.reset();
  EXPECT_TRUE(handling(0));
  EXPECT_EQ(ask("/now"), 200);
}

TEST_F(ListenerLimits, TellsAHandlerThatItsClientIsGone) {
  start();
  {
    RawConnection client(port());
    client.send(get_request("/wait"));
    gate_.wait_for_arrivals(1);
  }
  gate_.open();
  EXPECT_TRUE(eventually([&] { return clients_gone_ == 1; }));
}

// ---- caps
// -------------------------------------------------------------------------------------------

TEST_F(ListenerLimits, ClosesTheLongestIdleWhenAnAddressHasTooMany) {
  start({.max_connections = 8, .max_connections_per_address = 3});
  RawConnection other(port(), "127.0.0.2");
  ASSERT_TRUE(open_connections(1));
  RawConnection first(port());
  ASSERT_TRUE(open_connections(2));
  clock_.advance(seconds(1));
  RawConnection second(port());
  RawConnection third(port());
  ASSERT_TRUE(open_connections(4));
  EXPECT_EQ(ask("/quick"), 200);
  EXPECT_TRUE(first.is_closed());
  EXPECT_TRUE(other.is_silent() && second.is_silent());
}

TEST_F(ListenerLimits, KeepsHealthAnsweringBeyondItsCaps) {
  start({.max_connections = 4, .max_connections_per_address = 4});
  std::vector<std::unique_ptr<RawConnection>> busy;
  for (int i = 0; i < 3; ++i) {
    busy.push_back(std::make_unique<RawConnection>(port()));
    busy.back()->send(get_request("/wait"));
  }
  gate_.wait_for_arrivals(3);
  EXPECT_TRUE(eventually([&] { return listener_->stats().waiting == 3; }));
  {
    RawConnection fourth(port());
    fourth.send(get_request("/wait"));
    EXPECT_EQ(fourth.read_status(), 429) << "a quarter is kept from those that wait";
    fourth.send(get_request("/quick"));
    EXPECT_EQ(fourth.read_status(), 200);
  }
  ASSERT_TRUE(open_connections(3));
  RawConnection fourth(port());
  fourth.send(get_request("/stream"));
  ASSERT_TRUE(handling(4));
  EXPECT_EQ(ask("/now"), 200);
  EXPECT_EQ(ask("/quick"), 429);
  EXPECT_EQ(ask("/quick", "127.0.0.2"), 429) << "full in all";
  fourth.reset();
  gate_.open();
  ASSERT_TRUE(handling(0));
  EXPECT_EQ(ask("/quick"), 200);
}

TEST_F(ListenerLimits, BoundsAllBodiesTogether) {
  start({.max_body_bytes = 100 << 20});
  RawConnection first(port());
  RawConnection second(port());
  const std::string part(33 << 20, 'x');
  first.send(post_head(50 << 20) + part);
  second.send(post_head(50 << 20) + part);
  const int status = second.read_status();
  EXPECT_EQ(status == 0 ? first.read_status() : status, 429);
  EXPECT_EQ(ask("/quick"), 200);
}

// ---- keys
// ---------------------------------------------------------------------------------------------

TEST_F(ListenerLimits, HoldsAnswersToGuessesBackWithoutAThread) {
  start({}, {{.name = "alice", .key = "alice-0123456789"}});
  RawConnection client(port());
  const std::string guess = get_request("/quick", "Authorization: Bearer wrong-0123456789\r\n");
  for (int i = 0; i < 3; ++i) {
    client.send(guess);
    EXPECT_EQ(client.read_status(), 401);
  }
  client.send(guess);
  EXPECT_TRUE(client.is_silent());
  EXPECT_EQ(listener_->stats().handling, 0);
  EXPECT_EQ(ask("/now"), 200) << "health needs no key";
  clock_.advance(milliseconds(250));
  EXPECT_EQ(client.read_status(), 401);
}

TEST_F(ListenerLimits, TakesAKeyFromItsHeaderOnly) {
  start({}, {{.name = "alice", .key = "alice-0123456789"}});
  RawConnection client(port());
  for (const std::string& request :
       {get_request("/quick"), get_request("/quick?key=alice-0123456789"),
        get_request("/quick?api_key=alice-0123456789"),
        get_request("/quick", "Authorization: \r\n"),
        get_request("/quick", "X-Api-Key: alice-0123456789\r\n"),
        get_request("/quick", "Cookie: key=alice-0123456789\r\n"),
        get_request("/quick", "X-Forwarded-For: 127.0.0.1\r\nForwarded: for=127.0.0.1\r\n")}) {
    client.send(request);
    const RawAnswer answer = client.read_answer();
    EXPECT_EQ(answer.status, 401) << request;
    EXPECT_THAT(answer.head, HasSubstr("WWW-Authenticate: Bearer\r\n"));
    EXPECT_THAT(answer.body, HasSubstr("invalid_api_key"));
  }
  client.send(get_request("/quick", "Authorization: Bearer alice-0123456789\r\n"));
  EXPECT_EQ(client.read_status(), 200);
  ASSERT_TRUE(eventually([&] { return records().size() == 8; }));
  EXPECT_EQ(records().back().tenant, "alice");
}

// ---- the end
// ------------------------------------------------------------------------------------------

TEST_F(ListenerLimits, LetsHandlersFinishWhenItStops) {
  start();
  RawConnection idle(port());
  RawConnection busy(port());
  busy.send(get_request("/wait"));
  gate_.wait_for_arrivals(1);
  const int stopped_port = port();
  std::thread stop([&] { listener_->stop(seconds(60)); });
  EXPECT_TRUE(idle.is_closed());
  EXPECT_THROW(RawConnection client(stopped_port), std::runtime_error);
  gate_.open();
  EXPECT_EQ(busy.read_answer().body, "waited");
  stop.join();
}

TEST_F(ListenerLimits, CutsWhoDoesNotFinishInTime) {
  start();
  RawConnection client(port());
  client.send(get_request("/stream"));
  ASSERT_TRUE(handling(1));
  listener_->stop(milliseconds(0));
  EXPECT_TRUE(client.is_closed());
  EXPECT_EQ(records().back().status, 499);
}

}  // namespace
}  // namespace bafa::http
