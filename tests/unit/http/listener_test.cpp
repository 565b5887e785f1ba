#include "http/listener.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "support/listener_harness.h"

namespace bafa::http {
namespace {

using test::eventually;
using test::get_request;
using test::post_head;
using test::RawAnswer;
using test::RawConnection;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

using ListenerTest = test::ListenerHarness;

TEST_F(ListenerTest, AnswersOneRequestAfterAnotherOnOneConnection) {
  start();
  RawConnection client(port());
  for (const char* path : {"/now", "/quick", "/now", "/nowhere", "/quick"}) {
    ASSERT_TRUE(client.send(get_request(path)));
    EXPECT_EQ(client.read_status(), path == std::string("/nowhere") ? 404 : 200) << path;
  }
  EXPECT_TRUE(client.send(get_request("/now", "Connection: close\r\n")));
  EXPECT_EQ(client.read_answer().header("Connection"), "close");
  EXPECT_TRUE(client.is_closed());
}

TEST_F(ListenerTest, AnswersPipelinedRequestsInTheirOrder) {
  start();
  RawConnection client(port());
  client.send(get_request("/quick") + get_request("/now") + post_head(4) + "body" +
              get_request("/quick"));
  for (const char* body : {"quick", "now", "body", "quick"})
    EXPECT_EQ(client.read_answer().body, body);
}

TEST_F(ListenerTest, NeverAnswersTwiceForOneRequest) {
  start();
  for (const std::string& fields :
       {std::string("Content-Length: 30\r\n"), std::string("Transfer-Encoding: chunked\r\n"),
        std::string("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n")}) {
    RawConnection client(port());
    client.send(get_request("/quick", fields) + get_request("/quick"));
    EXPECT_EQ(client.read_status(), 400) << fields;
    EXPECT_THAT(client.read_to_end(), IsEmpty()) << fields;
  }
}

TEST_F(ListenerTest, ReadsBodiesInAnyPiecesAndEitherFraming) {
  start();
  RawConnection client(port());
  for (const char c : post_head(4) + "body") ASSERT_TRUE(client.send({&c, 1}));
  EXPECT_EQ(client.read_answer().body, "body");
  client.send(
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Transfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n");
  EXPECT_EQ(client.read_answer().body, "body");
}

TEST_F(ListenerTest, AsksForABodyThatAwaitsItsConsent) {
  start();
  RawConnection client(port());
  client.send(post_head(4, "Expect: 100-continue\r\n"));
  EXPECT_EQ(client.read_status(), 100);
  client.send("body");
  EXPECT_EQ(client.read_answer().body, "body");
  client.send(
      "POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Content-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_status(), 404) << "before the body is sent for nothing";
}

TEST_F(ListenerTest, LetsTheClientReadWhyItsLongBodyIsRefused) {
  start();
  RawConnection client(port());
  client.send(post_head(8 << 20));
  client.send(std::string(4 << 20, 'x'));  // closing with these unread would reset the connection
  EXPECT_EQ(client.read_status(), 413);
  EXPECT_TRUE(client.is_closed());
}

TEST_F(ListenerTest, RefusesABodyThatNobodyWants) {
  start();
  RawConnection client(port());
  client.send(
      "POST /quick HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Content-Length: 4\r\n\r\nbody");
  const RawAnswer answer = client.read_answer();
  EXPECT_EQ(answer.status, 405);
  EXPECT_EQ(answer.header("Allow"), "GET, HEAD");
  EXPECT_TRUE(client.is_closed());
}

TEST_F(ListenerTest, RepeatsAnIdOnlyWhenItIsHarmless) {
  start();
  RawConnection client(port());
  client.send(get_request("/now", "X-Request-Id: my.id-1\r\n"));
  EXPECT_EQ(client.read_answer().header("X-Request-Id"), "my.id-1");
  for (const std::string& id : {std::string("a b"), std::string("a;b"), std::string("<b>"),
                                std::string(129, 'a'), std::string("%0d%0a"), std::string()}) {
    client.send(get_request("/now", "X-Request-Id: " + id + "\r\n"));
    const std::string told = client.read_answer().header("X-Request-Id");
    EXPECT_NE(told, id);
    EXPECT_GE(told.size(), 16u);
  }
}

TEST_F(ListenerTest, KeepsTheReasonOfAnUnforeseenFailureToItself) {
  start();
  RawConnection client(port());
  client.send(get_request("/broken"));
  const RawAnswer answer = client.read_answer();
  EXPECT_EQ(answer.status, 500);
  EXPECT_THAT(answer.body, Not(HasSubstr("secret")));
  EXPECT_EQ(ask("/now"), 200);
}

TEST_F(ListenerTest, ReportsEveryAnswer) {
  start();
  ask("/quick");
  // An answer is recorded after it was sent, by the thread that sent it.
  ASSERT_TRUE(eventually([&] { return records().size() == 1; }));
  ask("/nowhere");
  ASSERT_TRUE(eventually([&] { return records().size() == 2; }));
  EXPECT_EQ(records()[0].route, "/quick");
  EXPECT_EQ(records()[0].status, 200);
  EXPECT_GT(records()[0].sent_bytes, 5u);
  EXPECT_EQ(records()[1].route, "") << "a path that a client invented is no label";
  EXPECT_EQ(records()[1].status, 404);
}

}  // namespace
}  // namespace bafa::http
