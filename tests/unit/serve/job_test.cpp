#include "serve/job.h"

#include <gtest/gtest.h>

#include <thread>

#include "support/manual_clock.h"
#include "support/requests.h"

namespace bafa::serve {
namespace {

using namespace std::chrono_literals;
using test::make_job;
using test::ManualClock;

const JobError kCanceled{ErrorCode::canceled, "canceled"};

JobEnd succeeded() {
  auto result = std::make_shared<JobResult>();
  result->images.push_back({.width = 1, .height = 1, .rgb = {1, 2, 3}});
  result->indices.push_back(0);
  return {.state = JobState::succeeded, .error = std::nullopt, .result = result};
}

JobEnd failed() {
  return {.state = JobState::failed,
          .error = JobError{ErrorCode::generation_failed, "broken"},
          .result = nullptr};
}

TEST(Job, BeginsQueuedWithWhatWasAsked) {
  ManualClock clock;
  const auto job = make_job(clock, 7, {.tenant = "ann"}, {.count = 3, .steps = 5, .seed = 42});
  const JobSnapshot snapshot = job->snapshot();
  EXPECT_EQ(snapshot.id, "job7");
  EXPECT_EQ(snapshot.tenant, "ann");
  EXPECT_EQ(snapshot.state, JobState::queued);
  EXPECT_EQ(snapshot.steps, 15);
  EXPECT_EQ(snapshot.attempts, 0);
  EXPECT_EQ(snapshot.params.seed, 42);
  EXPECT_EQ(snapshot.created_at, clock.wall_now());
  EXPECT_FALSE(snapshot.started_at);
}

TEST(Job, TellsHowLongItWaited) {
  ManualClock clock;
  const auto job = make_job(clock, 1);
  clock.advance(1500ms);
  EXPECT_TRUE(job->start());
  clock.advance(500ms);
  EXPECT_TRUE(job->end(succeeded()));
  const JobSnapshot snapshot = job->snapshot();
  EXPECT_DOUBLE_EQ(snapshot.timings.queue_wait_seconds, 1.5);
  EXPECT_EQ(*snapshot.finished_at - *snapshot.started_at, 500ms);
}

TEST(Job, EndsExactlyOnce) {
  ManualClock clock;
  const auto job = make_job(clock, 1);
  ASSERT_TRUE(job->start());
  EXPECT_TRUE(job->end(failed()));
  EXPECT_FALSE(job->end(succeeded()));
  EXPECT_FALSE(job->start());
  EXPECT_EQ(job->cancel(kCanceled), Cancel::too_late);
  const JobSnapshot snapshot = job->snapshot();
  EXPECT_EQ(snapshot.state, JobState::failed);
  EXPECT_EQ(snapshot.error->code, ErrorCode::generation_failed);
  EXPECT_EQ(job->result(), nullptr);
}

TEST(Job, CanceledWhileQueuedEndsAtOnceAndNeverStarts) {
  ManualClock clock;
  const auto job = make_job(clock, 1);
  EXPECT_EQ(job->cancel(kCanceled), Cancel::ended);
  EXPECT_EQ(job->state(), JobState::canceled);
  EXPECT_FALSE(job->start());
}

TEST(Job, CanceledWhileRunningEndsAsCanceledWhateverTheWorkerBrings) {
  ManualClock clock;
  const auto job = make_job(clock, 1);
  ASSERT_TRUE(job->start());
  EXPECT_EQ(job->cancel(kCanceled), Cancel::will_end);
  EXPECT_EQ(job->cancel({ErrorCode::draining, "later"}), Cancel::will_end);
  EXPECT_EQ(job->state(), JobState::running);
  EXPECT_TRUE(job->end(succeeded()));
  const JobSnapshot snapshot = job->snapshot();
  EXPECT_EQ(snapshot.state, JobState::canceled);
  EXPECT_EQ(snapshot.error->code, ErrorCode::canceled) << "the first reason stands";
  ASSERT_NE(job->result(), nullptr) << "finished pictures are kept";
  EXPECT_EQ(job->result()->images.size(), 1u);
}

TEST(JobDeathTest, RefusesMovesThatAreNotInTheTable) {
  ManualClock clock;
  const auto waiting = make_job(clock, 1);
  EXPECT_DEATH(waiting->end(succeeded()), "allowed");
  EXPECT_DEATH(waiting->report({}), "running");
  ASSERT_TRUE(waiting->start());
  EXPECT_DEATH(waiting->start(), "allowed");
  EXPECT_DEATH(waiting->end({.state = JobState::expired, .error = {}, .result = {}}), "allowed");
}

TEST(Job, WaitReturnsAtOnceWhenThereIsNews) {
  ManualClock clock;
  const auto job = make_job(clock, 1);
  const std::uint64_t seen = job->snapshot().version;
  ASSERT_TRUE(job->start());
  EXPECT_GT(job->wait(seen, 1h).version, seen);
  ASSERT_TRUE(job->end(succeeded()));
  EXPECT_EQ(job->wait(UINT64_MAX, 1h).state, JobState::succeeded) << "an end is always news";
}

TEST(Job, WaitGivesUpAfterItsTimeout) {
  ManualClock clock;
  const auto job = make_job(clock, 1);
  EXPECT_EQ(job->wait(job->snapshot().version, 0ms).state, JobState::queued);
}

TEST(Job, EndWakesEveryWaiter) {
  ManualClock clock;
  const auto job = make_job(clock, 1);
  std::vector<std::jthread> waiters;
  std::atomic<int> woken = 0;
  for (int i = 0; i < 8; ++i) {
    waiters.emplace_back([&] {
      if (job->wait(UINT64_MAX, 1h).state == JobState::canceled) ++woken;
    });
  }
  job->cancel(kCanceled);
  waiters.clear();
  EXPECT_EQ(woken, 8);
}

TEST(Job, KeepsTheNewestPreviewOfEachImageUntilItsEnd) {
  ManualClock clock;
  const auto job = make_job(clock, 1, {}, {.count = 2});
  ASSERT_TRUE(job->start());
  job->add_preview({.image_index = 0, .step = 1, .image = std::make_shared<Image>()});
  job->add_preview({.image_index = 1, .step = 1, .image = std::make_shared<Image>()});
  job->add_preview({.image_index = 0, .step = 2, .image = std::make_shared<Image>()});
  const auto previews = job->previews();
  ASSERT_EQ(previews.size(), 2u);
  EXPECT_EQ(previews[0].step, 2);
  EXPECT_EQ(previews[1].step, 1);
  ASSERT_TRUE(job->end(succeeded()));
  EXPECT_TRUE(job->previews().empty());
}

TEST(Job, IsFollowedWhileATokenLives) {
  ManualClock clock;
  const auto job = make_job(clock, 1);
  EXPECT_FALSE(job->followed());
  auto token = job->follow();
  EXPECT_TRUE(job->followed());
  token.reset();
  EXPECT_FALSE(job->followed());
}

TEST(Job, CountsItsPicturesAsRetainedBytes) {
  ManualClock clock;
  const auto job = make_job(clock, 1);
  const std::size_t before = job->retained_bytes();
  ASSERT_TRUE(job->start());
  ASSERT_TRUE(job->end(succeeded()));
  EXPECT_EQ(job->retained_bytes(), before + 3);
}

}  // namespace
}  // namespace bafa::serve
