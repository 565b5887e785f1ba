#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <vector>

namespace bafa {
namespace {

TEST(ThreadPool, RunsTasksInOrderOnOneThread) {
  std::vector<int> order;
  {
    ThreadPool pool("test", 1, 10);
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(pool.try_submit([&, i] { order.push_back(i); }));
  }
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
}

TEST(ThreadPool, RefusesWhenTooManyWait) {
  std::promise<void> started;
  std::promise<void> release;
  std::atomic<int> ran = 0;
  {
    ThreadPool pool("test", 1, 2);
    ASSERT_TRUE(pool.try_submit([&] {
      started.set_value();
      release.get_future().wait();
      ++ran;
    }));
    started.get_future().wait();
    EXPECT_TRUE(pool.try_submit([&] { ++ran; }));
    EXPECT_TRUE(pool.try_submit([&] { ++ran; }));
    EXPECT_FALSE(pool.try_submit([&] { ++ran; }));
    release.set_value();
  }
  EXPECT_EQ(ran, 3);
}

TEST(ThreadPool, RunsTasksSideBySide) {
  std::promise<void> first_runs;
  std::promise<void> second_runs;
  ThreadPool pool("a name longer than the kernel takes", 2, 10);
  ASSERT_TRUE(pool.try_submit([&] {
    first_runs.set_value();
    second_runs.get_future().wait();
  }));
  ASSERT_TRUE(pool.try_submit([&] {
    first_runs.get_future().wait();
    second_runs.set_value();
  }));
}

TEST(ThreadPool, FinishesWhatItHasTakenAndTakesNoMore) {
  std::atomic<int> done = 0;
  ThreadPool pool("test", 2, 10);
  int taken = 0;
  for (int i = 0; i < 10; ++i) taken += pool.try_submit([&] { ++done; }) ? 1 : 0;
  pool.finish();
  EXPECT_EQ(done, taken);
  EXPECT_FALSE(pool.try_submit([&] { ++done; }));
  pool.finish();
  EXPECT_EQ(done, taken);
}

}  // namespace
}  // namespace bafa
