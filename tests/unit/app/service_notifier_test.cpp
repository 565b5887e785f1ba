#include "app/service_notifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "support/manual_clock.h"
#include "support/refused.h"
#include "support/service_manager.h"

namespace bafa::app {
namespace {

using namespace std::chrono_literals;
using test::ServiceManager;
using testing::HasSubstr;
using testing::Not;

constexpr ServiceState kLoading{};

ServiceState ready(std::uint64_t turns, int waiting = 0) {
  return {.readiness = Readiness::ready, .turns = turns, .queue = {.depth = waiting, .running = 1}};
}

class ServiceNotifierTest : public testing::Test {
 protected:
  ServiceNotifier notifier(std::chrono::microseconds watchdog = 0us) {
    return ServiceNotifier({.socket = manager_.address(), .watchdog = watchdog}, clock_);
  }

  test::ManualClock clock_;
  ServiceManager manager_;
};

TEST_F(ServiceNotifierTest, SaysReadyOnceAndOnlyWhenItIs) {
  ServiceNotifier notifier = this->notifier();
  notifier.tell(kLoading);
  EXPECT_THAT(manager_.next(),
              testing::AllOf(HasSubstr("STATUS=loading"), Not(HasSubstr("READY"))));
  notifier.tell(ready(1));
  EXPECT_EQ(manager_.next(), "READY=1\nSTATUS=serving: 1 running, 0 waiting\n");
  notifier.tell(ready(2, 3));
  EXPECT_EQ(manager_.next(), "STATUS=serving: 1 running, 3 waiting\n");
  notifier.tell(ready(3, 3));
  EXPECT_EQ(manager_.next(), "") << "nothing is new";
}

TEST_F(ServiceNotifierTest, AsksForTimeWhileItLoadsButNotForEver) {
  ServiceNotifier notifier = this->notifier();
  notifier.tell(kLoading);
  EXPECT_THAT(manager_.next(), HasSubstr("EXTEND_TIMEOUT_USEC=30000000\n"));
  clock_.advance(ServiceNotifier::kLongestLoad - 1s);
  notifier.tell(kLoading);
  EXPECT_EQ(manager_.next(), "EXTEND_TIMEOUT_USEC=30000000\n");
  clock_.advance(1s);
  notifier.tell(kLoading);
  EXPECT_EQ(manager_.next(), "");
}

TEST_F(ServiceNotifierTest, FeedsTheWatchdogOnlyWhileTheWorkerMoves) {
  ServiceNotifier notifier = this->notifier(20s);
  notifier.tell(ready(1));
  EXPECT_THAT(manager_.next(), HasSubstr("WATCHDOG=1\n"));
  notifier.tell(ready(1));
  EXPECT_EQ(manager_.next(), "") << "a hung device must not look alive";
  notifier.tell(ready(2));
  EXPECT_EQ(manager_.next(), "WATCHDOG=1\n");
}

TEST_F(ServiceNotifierTest, AsksTheWatchdogForPatienceWithASlowModel) {
  ServiceState state = ready(1);
  state.longest_call = 90s;
  ServiceNotifier slow = notifier(20s);
  slow.tell(state);
  EXPECT_THAT(manager_.next(), HasSubstr("READY=1\nWATCHDOG_USEC=90000000\n"));
  slow.tell(state);
  EXPECT_EQ(manager_.next(), "") << "once";
  ServiceNotifier fast = notifier(100s);
  fast.tell(state);
  EXPECT_THAT(manager_.next(), Not(HasSubstr("WATCHDOG_USEC")));
  ServiceNotifier unwatched = notifier();
  unwatched.tell(state);
  EXPECT_THAT(manager_.next(), Not(HasSubstr("WATCHDOG")));
}

TEST_F(ServiceNotifierTest, LooksOftenEnoughForTheWatchdog) {
  EXPECT_EQ(notifier().interval(), 1s);
  EXPECT_EQ(notifier().longest_rest(), std::nullopt);
  EXPECT_EQ(notifier(20s).interval(), 1s);
  EXPECT_EQ(notifier(20s).longest_rest(), 5s);
  EXPECT_EQ(notifier(2s).interval(), 500ms);
  EXPECT_EQ(notifier(10us).interval(), 1ms) << "no busy loop";
}

TEST_F(ServiceNotifierTest, TellsOfReloadsAndOfStopping) {
  ServiceNotifier notifier = this->notifier();
  notifier.reloading();
  notifier.reloaded();
  EXPECT_EQ(manager_.next(), "") << "READY must wait for the model";
  notifier.tell(ready(1));
  manager_.next();
  clock_.advance(7us);
  notifier.reloading();
  EXPECT_EQ(manager_.next(), "RELOADING=1\nMONOTONIC_USEC=7\n");
  notifier.reloaded();
  EXPECT_EQ(manager_.next(), "READY=1\n");
  notifier.stopping(90s);
  EXPECT_EQ(manager_.next(), "STOPPING=1\nEXTEND_TIMEOUT_USEC=90000000\n");
}

TEST_F(ServiceNotifierTest, ReachesAbstractNames) {
  const ServiceManager abstract(ServiceManager::Kind::abstract);
  ServiceNotifier notifier({.socket = abstract.address()}, clock_);
  notifier.tell(ready(1));
  EXPECT_THAT(abstract.next(), HasSubstr("READY=1\n"));
}

TEST_F(ServiceNotifierTest, WithoutAListenerIsQuiet) {
  ServiceNotifier nobody({}, clock_);
  EXPECT_EQ(nobody.interval(), std::nullopt);
  nobody.tell(ready(1));
  ServiceNotifier gone({.socket = "/nowhere/notify"}, clock_);
  gone.tell(ready(1));
  gone.stopping(1s);
}

TEST_F(ServiceNotifierTest, RefusesWhatIsNoAddress) {
  for (const std::string& socket :
       {std::string("relative"), std::string("@"), std::string(108, '/')}) {
    const auto refusal = test::refused([&] { ServiceNotifier({.socket = socket}, clock_); });
    EXPECT_EQ(refusal.code, ErrorCode::invalid_config) << socket;
    EXPECT_EQ(refusal.param, "NOTIFY_SOCKET");
  }
}

// Sets what systemd would set, and takes it back.
class Environment {
 public:
  Environment(const std::string& watchdog_usec, const std::string& watchdog_pid) {
    ::setenv("NOTIFY_SOCKET", "/run/notify", 1);
    ::setenv("WATCHDOG_USEC", watchdog_usec.c_str(), 1);
    ::setenv("WATCHDOG_PID", watchdog_pid.c_str(), 1);
  }
  ~Environment() {
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) ::unsetenv(name);
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
};

TEST(NotifyOptions, AreReadFromTheEnvironment) {
  EXPECT_EQ(notify_options_from_environment().socket, "");
  {
    const Environment ours("3000000", std::to_string(::getpid()));
    EXPECT_EQ(notify_options_from_environment().socket, "/run/notify");
    EXPECT_EQ(notify_options_from_environment().watchdog, 3s);
  }
  {
    const Environment other_process("3000000", "1");
    EXPECT_EQ(notify_options_from_environment().watchdog, 0s);
  }
  const Environment broken("soon", "");
  EXPECT_EQ(test::refused([] { notify_options_from_environment(); }).param, "WATCHDOG_USEC");
}

}  // namespace
}  // namespace bafa::app
