#include "app/signals.h"

#include <gtest/gtest.h>

#include <csignal>
#include <thread>

namespace bafa::app {
namespace {

TEST(Signals, AreWaitedForNotHandled) {
  Signals signals;
  raise(SIGTERM);
  EXPECT_EQ(signals.wait(), Event::stop_signal);
  raise(SIGHUP);
  EXPECT_EQ(signals.wait(), Event::reload_signal);
  raise(SIGINT);
  EXPECT_EQ(signals.wait(), Event::stop_signal);
}

TEST(Signals, AWakeFromAnotherThreadEndsTheWait) {
  Signals signals;
  std::thread waker([&] { signals.wake(); });
  EXPECT_EQ(signals.wait(), Event::woken);
  waker.join();
}

TEST(Signals, AreWaitedForNoLongerThanAsked) {
  Signals signals;
  EXPECT_EQ(signals.wait(std::chrono::milliseconds(1)), Event::timed_out);
}

TEST(Signals, ThatAFailedWriteAlsoTellsDoNotEndTheProcess) {
  const Signals signals;
  EXPECT_EQ(raise(SIGPIPE), 0);
  EXPECT_EQ(raise(SIGXFSZ), 0);
}

TEST(SignalsDeathTest, EndTheProcessAgainOnceReleased) {
  EXPECT_EXIT(
      {
        Signals signals;
        signals.release();
        raise(SIGTERM);
      },
      testing::KilledBySignal(SIGTERM), "");
}

}  // namespace
}  // namespace bafa::app
