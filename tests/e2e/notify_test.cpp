// The server under a service manager that speaks systemd's protocol.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <string>

#include "e2e/http_client.h"
#include "e2e/program.h"
#include "support/service_manager.h"

namespace bafa::e2e {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr int kPatienceMs = 60'000;

class Notify : public testing::Test {
 protected:
  Notify() {
    ::setenv("NOTIFY_SOCKET", manager_.address().c_str(), 1);
    ::setenv("WATCHDOG_USEC", "400000", 1);
  }
  ~Notify() override {
    ::unsetenv("NOTIFY_SOCKET");
    ::unsetenv("WATCHDOG_USEC");
  }

  // Everything said up to and with the datagram that holds `text`.
  std::string said_until(const std::string& text) const {
    std::string said;
    while (said.find(text) == std::string::npos) {
      const std::string next = manager_.next(kPatienceMs);
      if (next.empty()) return said + " and then nothing";
      said += next;
    }
    return said;
  }

  const test::ServiceManager manager_;
};

TEST_F(Notify, TellsOfItsWholeLife) {
  ServerProgram server;
  const std::string beginning = said_until("READY=1");
  EXPECT_THAT(beginning, testing::AllOf(HasSubstr("EXTEND_TIMEOUT_USEC="),
                                        HasSubstr("STATUS=loading the model")));
  EXPECT_THAT(server.log(), HasSubstr("warmed_up")) << "before it says READY";
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(said_until("WATCHDOG=1"), Not(HasSubstr("nothing"))) << "an idle server is alive";
  }
  server.send_signal(SIGHUP);
  EXPECT_THAT(said_until("RELOADING=1"), HasSubstr("MONOTONIC_USEC="));
  EXPECT_THAT(said_until("READY=1"), Not(HasSubstr("nothing")));
  server.send_signal(SIGTERM);
  EXPECT_THAT(said_until("STOPPING=1"), HasSubstr("EXTEND_TIMEOUT_USEC=120000000"));
  EXPECT_EQ(server.wait_for_exit(), 0);
}

TEST_F(Notify, TellsHowMuchThereIsToDo) {
  ServerProgram server({"--set", "limits.max_steps=1000"});
  post(server.port(), "/v1/jobs", R"({"prompt":"slow","steps":1000,"size":"256x256"})");
  EXPECT_THAT(said_until("1 running"), HasSubstr("STATUS=serving: 1 running, 0 waiting\n"));
}

}  // namespace
}  // namespace bafa::e2e
