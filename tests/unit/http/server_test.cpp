#include "http/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "support/manual_clock.h"
#include "support/raw_connection.h"
#include "support/refused.h"
#include "support/temporary_folder.h"

namespace bafa::http {
namespace {

using testing::HasSubstr;

class ServerTest : public testing::Test {
 protected:
  ServerTest() {
    routes_.add({.method = "GET", .pattern = "/main", .handler = [](const HttpRequest&) {
                   return HttpResponse();
                 }});
    admin_routes_.add({.method = "GET", .pattern = "/admin", .handler = [](const HttpRequest&) {
                         return HttpResponse();
                       }});
    listen_.port = 0;
    listen_.admin_port = 0;
  }

  Server server() { return {{.listen = listen_}, {routes_, admin_routes_, clock_}}; }
  std::string refusal() {
    return test::refused([&] { server(); }).message;
  }

  static int ask(int port, const std::string& path) {
    test::RawConnection client(port);
    client.send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    return client.read_status();
  }

  test::TemporaryFolder folder_;
  test::ManualClock clock_;
  Router routes_;
  Router admin_routes_;
  ListenConfig listen_;
};

TEST_F(ServerTest, KeepsTheOperatorsRoutesOnTheirOwnPort) {
  Server server(ServerOptions{.listen = listen_}, {routes_, admin_routes_, clock_});
  server.start();
  EXPECT_EQ(ask(server.port(), "/main"), 200);
  EXPECT_EQ(ask(server.port(), "/admin"), 404);
  EXPECT_EQ(ask(server.admin_port(), "/admin"), 200);
  EXPECT_EQ(ask(server.admin_port(), "/main"), 404);
}

TEST_F(ServerTest, AsksForKeysOnThePublicPortAlone) {
  listen_.keys_file =
      folder_.write("keys.json", R"({"keys":[{"name":"a","key":"0123456789abcdef"}]})");
  Server server(ServerOptions{.listen = listen_}, {routes_, admin_routes_, clock_});
  server.start();
  EXPECT_EQ(ask(server.port(), "/main"), 401);
  EXPECT_EQ(ask(server.admin_port(), "/admin"), 200) << "the operator is at the machine";
}

TEST_F(ServerTest, StartsWithoutAnOperatorsPort) {
  listen_.admin_port = -1;
  const Server server(ServerOptions{.listen = listen_}, {routes_, admin_routes_, clock_});
  EXPECT_EQ(server.admin_port(), -1);
}

TEST_F(ServerTest, RefusesToServeOtherMachinesWithoutKeys) {
  listen_.host = "0.0.0.0";
  EXPECT_THAT(refusal(), HasSubstr("listen.host"));
  listen_.host = "127.0.0.1";
  listen_.admin_host = "::";
  EXPECT_THAT(refusal(), HasSubstr("listen.admin_host"));
  listen_.insecure = true;
  listen_.admin_host = "0.0.0.0";
  EXPECT_NO_THROW(server());
}

TEST_F(ServerTest, RefusesAKeysFileThatItCannotRead) {
  listen_.keys_file = (folder_.path() / "none.json").string();
  EXPECT_THAT(refusal(), HasSubstr("none.json"));
}

TEST_F(ServerTest, NamesTheAddressThatIsTaken) {
  listen_.admin_port = -1;
  const Server first(ServerOptions{.listen = listen_}, {routes_, admin_routes_, clock_});
  listen_.port = first.port();
  EXPECT_THAT(refusal(), HasSubstr(std::to_string(first.port())));
}

TEST(Loopback, IsWhatOnlyThisMachineReaches) {
  for (const char* host : {"127.0.0.1", "127.255.0.9", "::1", "localhost"})
    EXPECT_TRUE(is_loopback(host)) << host;
  for (const char* host : {"0.0.0.0", "::", "10.0.0.1", "128.0.0.1", "example.org", "127.1", ""})
    EXPECT_FALSE(is_loopback(host)) << host;
}

}  // namespace
}  // namespace bafa::http
