#include "serve/job_queue.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "support/manual_clock.h"
#include "support/requests.h"

namespace bafa::serve {
namespace {

using test::make_job;
using test::ManualClock;

class JobQueueTest : public testing::Test {
 protected:
  std::shared_ptr<Job> push(SubmitOptions options = {}, int pictures = 1) {
    auto job = make_job(clock_, ++serial_, std::move(options), {.count = pictures});
    last_push_ = queue_.try_push(job);
    return job;
  }

  std::shared_ptr<Job> serve_next() {
    auto job = queue_.waiting().at(0);
    EXPECT_TRUE(queue_.remove(*job, Leave::started));
    return job;
  }

  // Tenants in the order in which their jobs would be served.
  std::string tenants_served(int jobs) {
    std::string served;
    for (int i = 0; i < jobs; ++i) served += serve_next()->spec().options.tenant;
    return served;
  }

  ManualClock clock_;
  JobQueue queue_{10};
  std::uint64_t serial_ = 0;
  Push last_push_ = Push::accepted;
};

TEST_F(JobQueueTest, RefusesWhenFull) {
  for (int i = 0; i < 10; ++i) {
    push();
    EXPECT_EQ(last_push_, Push::accepted) << i;
  }
  push();
  EXPECT_EQ(last_push_, Push::full);
  EXPECT_EQ(queue_.depth(), 10);
  serve_next();
  push();
  EXPECT_EQ(last_push_, Push::accepted);
}

TEST_F(JobQueueTest, RefusesEverythingOnceClosedAndKeepsWhoWaits) {
  push();
  queue_.close(clock_.now());
  push();
  EXPECT_EQ(last_push_, Push::closed);
  EXPECT_EQ(queue_.depth(), 1);
}

TEST_F(JobQueueTest, ASecondCloseCanOnlyMakeTheEndEarlier) {
  const MonotonicTime now = clock_.now();
  EXPECT_FALSE(queue_.running_until());
  queue_.close(now + std::chrono::seconds{60});
  queue_.close(now);
  EXPECT_EQ(queue_.running_until(), now);
  queue_.close(now + std::chrono::seconds{60});
  EXPECT_EQ(queue_.running_until(), now);
}

TEST_F(JobQueueTest, KeepsTheOrderOfArrival) {
  std::vector<std::shared_ptr<Job>> pushed;
  for (int i = 0; i < 5; ++i) pushed.push_back(push());
  EXPECT_EQ(queue_.waiting(), pushed);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(queue_.position(*pushed[i]), i + 1);
  serve_next();
  EXPECT_EQ(queue_.position(*pushed[0]), 0);
  EXPECT_EQ(queue_.position(*pushed[4]), 4);
}

TEST_F(JobQueueTest, HigherPriorityStartsFirst) {
  const auto low = push({.priority = Priority::low});
  const auto normal = push();
  const auto high = push({.priority = Priority::high});
  EXPECT_EQ(queue_.waiting(), (std::vector{high, normal, low}));
  EXPECT_EQ(queue_.depth_by_priority(), (std::array{1, 1, 1}));
}

// A steady stream of high priority work, always one waiting.
TEST_F(JobQueueTest, ALowJobIsOvertakenByABoundedNumberOfHighOnes) {
  const auto low = push({.tenant = "a", .priority = Priority::low});
  int overtaken_by = 0;
  push({.tenant = "b", .priority = Priority::high});
  while (true) {
    push({.tenant = "b", .priority = Priority::high});
    if (serve_next() == low) break;
    ++overtaken_by;
    ASSERT_LT(overtaken_by, 100);
  }
  EXPECT_EQ(overtaken_by, 2 * JobQueue::kHeadStart);
}

TEST_F(JobQueueTest, TenantsThatComeNewDoNotStarveAnOldJob) {
  const auto old = push({.tenant = "old"});
  int overtaken_by = 0;
  push({.tenant = "t0", .priority = Priority::high});
  while (true) {
    push({.tenant = "t" + std::to_string(overtaken_by + 1), .priority = Priority::high});
    if (serve_next() == old) break;
    ++overtaken_by;
    ASSERT_LT(overtaken_by, 100);
  }
  EXPECT_GE(overtaken_by, 8);
}

TEST_F(JobQueueTest, AFloodQueuesUpBehindItself) {
  for (int i = 0; i < 6; ++i) push({.tenant = "a"});
  EXPECT_EQ(tenants_served(2), "aa");
  for (int i = 0; i < 3; ++i) push({.tenant = "b"});
  EXPECT_EQ(tenants_served(7), "abababa");
}

TEST_F(JobQueueTest, AJobOfManyPicturesCountsAsMany) {
  for (int i = 0; i < 2; ++i) push({.tenant = "a"}, 4);
  for (int i = 0; i < 5; ++i) push({.tenant = "b"}, 1);
  EXPECT_EQ(tenants_served(7), "abbbbab");
}

TEST_F(JobQueueTest, ACanceledJobCostsItsTenantNothing) {
  push({.tenant = "b"});
  for (int i = 0; i < 5; ++i) {
    const auto canceled = push({.tenant = "a"});
    EXPECT_TRUE(queue_.remove(*canceled, Leave::ended));
    EXPECT_FALSE(queue_.remove(*canceled, Leave::ended));
  }
  push({.tenant = "a"});
  push({.tenant = "b"});
  push({.tenant = "a"});
  EXPECT_EQ(tenants_served(4), "baba");
}

TEST_F(JobQueueTest, ATenantThatSharesTheQueueLeavesAsManyPlacesFreeAsItHolds) {
  for (int i = 0; i < 5; ++i) push({.tenant = "a", .shares_queue = true});
  EXPECT_EQ(last_push_, Push::accepted);
  push({.tenant = "a", .shares_queue = true});
  EXPECT_EQ(last_push_, Push::tenant_full);
  push({.tenant = "b", .shares_queue = true});
  EXPECT_EQ(last_push_, Push::accepted);
}

TEST_F(JobQueueTest, HonoursATenantsOwnLimit) {
  push({.tenant = "a", .max_waiting = 1});
  push({.tenant = "a", .max_waiting = 1});
  EXPECT_EQ(last_push_, Push::tenant_full);
  push({.tenant = "b", .max_waiting = 1});
  EXPECT_EQ(last_push_, Push::accepted);
  serve_next();
  push({.tenant = "a", .max_waiting = 1});
  EXPECT_EQ(last_push_, Push::accepted);
}

// The device serves one job a round; "a" offers ten a round, "b" one every fourth.
TEST_F(JobQueueTest, WaitUnderAnotherTenantsFloodStaysBounded) {
  std::shared_ptr<Job> mine;
  int waited = 0;
  int worst = 0;
  for (int round = 0; round < 400; ++round) {
    for (int i = 0; i < 10; ++i) push({.tenant = "a", .shares_queue = true});
    if (!mine && round % 4 == 0) {
      mine = push({.tenant = "b", .shares_queue = true});
      ASSERT_EQ(last_push_, Push::accepted) << "a flood must leave a place";
      waited = 0;
    }
    ++waited;
    if (serve_next() == mine) {
      worst = std::max(worst, waited);
      mine = nullptr;
    }
  }
  EXPECT_GE(worst, 1);
  EXPECT_LE(worst, 3);
}

TEST_F(JobQueueTest, TellsWaitersThatTheirPositionChanged) {
  const auto first = push();
  const auto second = push();
  const std::uint64_t first_seen = first->snapshot().version;
  const std::uint64_t second_seen = second->snapshot().version;
  push({.priority = Priority::high});
  EXPECT_GT(first->snapshot().version, first_seen) << "was overtaken";
  EXPECT_GT(second->snapshot().version, second_seen) << "was overtaken";
  const std::uint64_t seen = second->snapshot().version;
  queue_.remove(*first, Leave::ended);
  EXPECT_GT(second->snapshot().version, seen) << "moved up";
}

TEST_F(JobQueueTest, EveryChangeWakesTheWorker) {
  const auto job = push();
  const std::vector<std::function<void()>> changes = {
      [&] { push(); }, [&] { queue_.remove(*job, Leave::ended); }, [&] { queue_.wake(); },
      [&] { queue_.close(clock_.now()); }};
  for (const auto& change : changes) {
    const std::uint64_t seen = queue_.changes();
    std::jthread worker([&] { queue_.wait(seen, std::nullopt); });
    change();
  }
}

TEST_F(JobQueueTest, TheWorkersSleepEndsByItself) {
  queue_.wait(queue_.changes(), std::chrono::nanoseconds{1});
}

}  // namespace
}  // namespace bafa::serve
