// The scheduler turn by turn, on the test's own thread, with a clock that the test moves.
#include "serve/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <new>
#include <string>
#include <vector>

#include "bafa/error.h"
#include "support/manual_clock.h"
#include "support/requests.h"

namespace bafa::serve {
namespace {

using namespace std::chrono_literals;
using test::CallKind;
using test::FakeCall;
using test::make_job;
using test::ManualClock;
using test::Wish;
using Seeds = std::vector<std::int64_t>;

class SchedulerTest : public testing::Test {
 protected:
  std::shared_ptr<Job> submit(const Wish& wish = {}, SubmitOptions options = {},
                              std::optional<MonotonicTime> start_deadline = {}) {
    auto job = make_job(clock_, ++serial_, std::move(options), wish, start_deadline);
    EXPECT_EQ(queue_.try_push(job), Push::accepted);
    return job;
  }

  void turns(int count) {
    for (int i = 0; i < count; ++i) EXPECT_EQ(scheduler_.turn().next, Next::again) << i;
  }

  Turn run_until_rest() {
    for (int i = 0; i < 1000; ++i) {
      const Turn turn = scheduler_.turn();
      if (turn.next != Next::again) return turn;
    }
    ADD_FAILURE() << "never rests";
    return {};
  }

  // The seeds of each call of a kind, in order.
  std::vector<Seeds> seeds_of(CallKind kind) const {
    std::vector<Seeds> seeds;
    for (const FakeCall& call : log_->calls(kind)) seeds.push_back(call.seeds);
    return seeds;
  }

  // Makes calls of `kind` with all of `seeds` in them fail, the first `times` times.
  void fail(CallKind kind, Seeds seeds, ErrorCode code, int times = 1) {
    log_->hook = [kind, seeds, code, times](const FakeCall& call) mutable {
      if (call.kind != kind || times == 0) return;
      for (const std::int64_t seed : seeds) {
        if (std::find(call.seeds.begin(), call.seeds.end(), seed) == call.seeds.end()) return;
      }
      --times;
      throw Error(code, "as the test wishes");
    };
  }

  static void cancel(Job& job) { job.cancel({ErrorCode::canceled, "canceled"}); }

  ManualClock clock_;
  std::shared_ptr<test::FakeLog> log_ = std::make_shared<test::FakeLog>();
  test::FakePipeline pipeline_{log_};
  JobQueue queue_{10};
  Pace pace_;
  Load load_;
  Metrics metrics_{"test"};
  std::map<std::string, int> ends_;  // how often each job was reported as ended
  Scheduler scheduler_{{pipeline_, queue_, pace_, load_, metrics_, clock_,
                        [this](const Job& job) { ++ends_[job.spec().id]; }},
                       {.limits = {.max_batch = 4, .workspace_bytes = 0}, .idle_after = 30s}};
  std::uint64_t serial_ = 0;
};

TEST_F(SchedulerTest, RestsWhenThereIsNothingToDo) {
  EXPECT_EQ(scheduler_.turn().next, Next::rest);
  EXPECT_TRUE(log_->calls().empty());
}

TEST_F(SchedulerTest, PaintsAJobStepByStep) {
  const auto job = submit({.steps = 2, .seed = 9});
  turns(1);
  EXPECT_EQ(job->state(), JobState::running);
  EXPECT_EQ(queue_.depth(), 0);
  turns(1);
  EXPECT_EQ(job->snapshot().step, 1);
  EXPECT_EQ(job->snapshot().phase, Phase::denoise);
  turns(2);
  EXPECT_EQ(job->state(), JobState::succeeded);
  EXPECT_EQ(job->snapshot().step, 2);
  EXPECT_EQ(job->snapshot().attempts, 1);
  ASSERT_NE(job->result(), nullptr);
  EXPECT_EQ(job->result()->images.at(0).rgb.at(0), 9);
  EXPECT_EQ(scheduler_.turn().next, Next::rest);
  EXPECT_EQ(log_->alive, 0);
  EXPECT_EQ(ends_["job1"], 1);
}

TEST_F(SchedulerTest, TellsWhatTheTextEncoderMadeOfThePrompt) {
  const auto job = submit({.prompt = "nine char"});
  turns(1);
  EXPECT_EQ(job->snapshot().prompt_tokens, 9);
  EXPECT_TRUE(job->snapshot().prompt_truncated);
}

TEST_F(SchedulerTest, JoinsACompatibleJobInMidFlight) {
  submit({.steps = 3, .seed = 10});
  turns(2);
  submit({.steps = 3, .seed = 20});
  run_until_rest();
  EXPECT_EQ(seeds_of(CallKind::step), (std::vector<Seeds>{{10}, {10, 20}, {10, 20}, {20}}));
}

TEST_F(SchedulerTest, CountsWithHowManyAJobSharedItsSteps) {
  const auto first = submit({.steps = 4, .seed = 1});
  turns(3);  // begun, two steps alone
  const auto second = submit({.steps = 2, .seed = 2});
  run_until_rest();
  EXPECT_DOUBLE_EQ(first->snapshot().mean_batch, 1.5);
  EXPECT_DOUBLE_EQ(second->snapshot().mean_batch, 2);
}

TEST_F(SchedulerTest, AlternatesBetweenJobsThatCannotShareAStep) {
  submit({.steps = 2, .side = 16, .seed = 10});
  submit({.steps = 2, .side = 32, .seed = 20});
  run_until_rest();
  EXPECT_EQ(seeds_of(CallKind::begin), (std::vector<Seeds>{{10, 20}}));
  EXPECT_EQ(seeds_of(CallKind::step), (std::vector<Seeds>{{10}, {20}, {10}, {20}}));
}

TEST_F(SchedulerTest, GivesEachKindOfImageItsPartOfTheDevicesTime) {
  log_->hook = [this](const FakeCall& call) {
    if (call.kind == CallKind::step) clock_.advance(call.seeds[0] == 20 ? 350ms : 100ms);
  };
  submit({.steps = 8, .side = 16, .seed = 10});
  submit({.steps = 2, .side = 32, .seed = 20});
  run_until_rest();
  EXPECT_EQ(seeds_of(CallKind::step),
            (std::vector<Seeds>{{10}, {20}, {10}, {10}, {10}, {20}, {10}, {10}, {10}, {10}}));
}

TEST_F(SchedulerTest, SplitsAJobOverBatchesAndKeepsTheOrderOfSeeds) {
  submit({.count = 3, .steps = 1, .seed = 10});
  const auto job = submit({.count = 3, .steps = 1, .seed = 20});
  run_until_rest();
  EXPECT_EQ(seeds_of(CallKind::begin), (std::vector<Seeds>{{10, 11, 12, 20}, {21, 22}}));
  ASSERT_EQ(job->state(), JobState::succeeded);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(job->result()->images.at(i).rgb.at(0), 20 + i);
    EXPECT_EQ(job->result()->indices.at(i), i);
  }
}

TEST_F(SchedulerTest, CancelFreesTheDeviceWithinAStep) {
  const auto job = submit({.steps = 50, .seed = 10});
  const auto other = submit({.steps = 50, .seed = 20});
  turns(3);
  cancel(*job);
  turns(1);
  EXPECT_EQ(job->state(), JobState::canceled);
  EXPECT_EQ(log_->alive, 1);
  EXPECT_EQ(seeds_of(CallKind::step).back(), (Seeds{20}));
  EXPECT_EQ(other->state(), JobState::running);
  EXPECT_EQ(ends_["job1"], 1);
}

TEST_F(SchedulerTest, ACanceledJobKeepsThePicturesItHadFinished) {
  const auto job = submit({.count = 4, .steps = 2, .seed = 10});
  submit({.count = 2, .steps = 1, .seed = 30});  // waits
  Job* held = job.get();
  // The first picture fails once in its second step, so that it is a step behind the others.
  int steps = 0;
  log_->hook = [&, held](const FakeCall& call) {
    if (call.kind == CallKind::step && ++steps == 2) throw Error(ErrorCode::generation_failed, "");
    if (call.kind == CallKind::finish && call.seeds == Seeds{10}) cancel(*held);
  };
  run_until_rest();
  EXPECT_EQ(job->state(), JobState::canceled);
  ASSERT_NE(job->result(), nullptr);
  EXPECT_EQ(job->result()->indices, (std::vector{0}));
  EXPECT_EQ(job->result()->images.at(0).rgb.at(0), 10);
}

TEST_F(SchedulerTest, LeavesOutAJobThatWasCanceledAsItWasAboutToStart) {
  const auto job = submit();
  cancel(*job);  // and nobody has taken it from the queue yet
  EXPECT_EQ(run_until_rest().next, Next::rest);
  EXPECT_EQ(queue_.depth(), 0);
  EXPECT_TRUE(log_->calls().empty());
  EXPECT_EQ(ends_.count("job1"), 0u) << "reported by who canceled it";
}

TEST_F(SchedulerTest, ExpiresAJobThatCouldNotStartInTime) {
  const auto running = submit({.count = 4, .steps = 3});
  const auto late = submit({}, {}, clock_.now() + 5s);
  turns(2);
  clock_.advance(5s);
  turns(1);
  EXPECT_EQ(late->state(), JobState::expired);
  EXPECT_EQ(late->snapshot().error->code, ErrorCode::queue_timeout);
  EXPECT_EQ(running->state(), JobState::running);
  EXPECT_EQ(ends_["job2"], 1);
}

TEST_F(SchedulerTest, AJobThatStartedInTimeDoesNotExpire) {
  const auto job = submit({}, {}, clock_.now() + 5s);
  turns(1);
  clock_.advance(1h);
  run_until_rest();
  EXPECT_EQ(job->state(), JobState::succeeded);
}

TEST_F(SchedulerTest, DrainsWhatRunsAndSendsAwayWhatWaits) {
  const auto running = submit({.count = 4, .steps = 2});
  const auto waits = submit();
  turns(1);
  queue_.close(clock_.now() + 60s);
  EXPECT_EQ(run_until_rest().next, Next::done);
  EXPECT_EQ(running->state(), JobState::succeeded);
  EXPECT_EQ(waits->state(), JobState::canceled);
  EXPECT_EQ(waits->snapshot().error->code, ErrorCode::draining);
}

TEST_F(SchedulerTest, DrainingEndsWhatIsNotDoneInItsTime) {
  const auto job = submit({.steps = 50});
  turns(2);
  queue_.close(clock_.now() + 60s);
  turns(2);
  clock_.advance(60s);
  EXPECT_EQ(run_until_rest().next, Next::done);
  EXPECT_EQ(job->state(), JobState::canceled);
  EXPECT_EQ(job->snapshot().error->code, ErrorCode::draining);
  EXPECT_EQ(log_->alive, 0);
}

TEST_F(SchedulerTest, ABatchThatFailsIsTriedAgainOneByOneAndOnlyTheGuiltyFails) {
  const auto good = submit({.steps = 2, .seed = 10});
  const auto bad = submit({.steps = 2, .seed = 20});
  const auto fine = submit({.steps = 2, .seed = 30});
  fail(CallKind::step, {20}, ErrorCode::non_finite_output, 2);
  run_until_rest();
  EXPECT_EQ(seeds_of(CallKind::step),
            (std::vector<Seeds>{{10, 20, 30}, {10}, {20}, {30}, {10, 30}}));
  EXPECT_EQ(good->state(), JobState::succeeded);
  EXPECT_EQ(good->snapshot().attempts, 2);
  EXPECT_EQ(fine->state(), JobState::succeeded);
  EXPECT_EQ(bad->state(), JobState::failed);
  EXPECT_EQ(bad->snapshot().error->code, ErrorCode::non_finite_output);
  EXPECT_EQ(bad->result(), nullptr);
}

TEST_F(SchedulerTest, ABatchThatFailsOnceHurtsNobody) {
  const auto first = submit({.steps = 2, .seed = 10});
  const auto second = submit({.steps = 2, .seed = 20});
  fail(CallKind::begin, {10, 20}, ErrorCode::generation_failed);
  run_until_rest();
  EXPECT_EQ(seeds_of(CallKind::begin), (std::vector<Seeds>{{10, 20}, {10}, {20}}));
  EXPECT_EQ(first->state(), JobState::succeeded);
  EXPECT_EQ(second->state(), JobState::succeeded);
}

TEST_F(SchedulerTest, WhatFailsAloneIsNotTriedAgain) {
  const auto job = submit({.seed = 10});
  fail(CallKind::finish, {10}, ErrorCode::generation_failed);
  run_until_rest();
  EXPECT_EQ(job->state(), JobState::failed);
  EXPECT_EQ(log_->calls(CallKind::finish).size(), 1u);
  EXPECT_EQ(log_->alive, 0);
}

class SchedulerOutOfMemory : public SchedulerTest, public testing::WithParamInterface<CallKind> {};

TEST_P(SchedulerOutOfMemory, IsTriedOnceMoreAfterCachesWereGivenBack) {
  const auto job = submit({.seed = 10});
  fail(GetParam(), {10}, ErrorCode::out_of_memory);
  run_until_rest();
  EXPECT_EQ(job->state(), JobState::succeeded);
  EXPECT_EQ(job->snapshot().attempts, 2);
  EXPECT_EQ(log_->calls(CallKind::idle).size(), 1u);
}

TEST_P(SchedulerOutOfMemory, FailsAloneAndTheNextJobIsServed) {
  const auto job = submit({.seed = 10});
  fail(GetParam(), {10}, ErrorCode::out_of_memory, 2);
  run_until_rest();
  EXPECT_EQ(job->state(), JobState::failed);
  EXPECT_EQ(job->snapshot().error->code, ErrorCode::out_of_memory);
  EXPECT_EQ(log_->alive, 0);
  const auto next = submit({.seed = 20});
  run_until_rest();
  EXPECT_EQ(next->state(), JobState::succeeded);
}

TEST_P(SchedulerOutOfMemory, DoesNotPutThePicturesTogetherAgain) {
  submit({.count = 3, .steps = 2, .seed = 10});
  fail(GetParam(), {10, 11}, ErrorCode::out_of_memory, 9);
  run_until_rest();
  int together = 0;
  for (const FakeCall& call : log_->calls(GetParam())) together += call.seeds.size() > 1 ? 1 : 0;
  EXPECT_EQ(together, 1);
}

INSTANTIATE_TEST_SUITE_P(AtEachStage, SchedulerOutOfMemory,
                         testing::Values(CallKind::begin, CallKind::step, CallKind::finish));

TEST_F(SchedulerTest, OtherExceptionsBecomeErrorsToo) {
  const auto unlucky = submit({.seed = 10});
  log_->hook = [](const FakeCall&) { throw std::bad_alloc(); };
  turns(2);
  EXPECT_EQ(unlucky->snapshot().error->code, ErrorCode::out_of_memory);
  const auto broken = submit({.seed = 20});
  log_->hook = [](const FakeCall&) { throw std::runtime_error("tensor sizes and a prompt"); };
  turns(1);
  EXPECT_EQ(broken->snapshot().error->code, ErrorCode::generation_failed);
  EXPECT_THAT(broken->snapshot().error->message, testing::Not(testing::HasSubstr("tensor")));
}

TEST_F(SchedulerTest, ALostDeviceEndsEverything) {
  const auto running = submit({.count = 4, .seed = 10});
  const auto waits = submit({.seed = 20});
  turns(1);
  fail(CallKind::step, {10}, ErrorCode::device_error);
  const Turn turn = scheduler_.turn();
  ASSERT_EQ(turn.next, Next::device_lost);
  const std::size_t calls = log_->calls().size();
  scheduler_.fail_all(*turn.error);
  EXPECT_EQ(running->state(), JobState::failed);
  EXPECT_EQ(running->snapshot().error->code, ErrorCode::device_error);
  EXPECT_EQ(waits->state(), JobState::failed);
  EXPECT_EQ(log_->calls().size(), calls) << "the device is not touched again";
  EXPECT_EQ(log_->alive, 0);
  EXPECT_EQ(ends_, (std::map<std::string, int>{{"job1", 1}, {"job2", 1}}));
}

TEST_F(SchedulerTest, ShowsPreviewsToThoseWhoAskedOnly) {
  const auto asked = submit({.steps = 4, .seed = 10}, {.previews = 1});
  submit({.steps = 4, .seed = 20});
  turns(3);
  const auto previews = asked->previews();
  ASSERT_EQ(previews.size(), 1u);
  EXPECT_EQ(previews[0].step, 2);
  EXPECT_EQ(previews[0].image->width, 2);
  run_until_rest();
  EXPECT_EQ(seeds_of(CallKind::preview), (std::vector<Seeds>{{10}}));
}

TEST_F(SchedulerTest, APreviewThatFailsDoesNotFailTheJob) {
  const auto job = submit({.steps = 4, .seed = 10}, {.previews = 3});
  fail(CallKind::preview, {10}, ErrorCode::generation_failed);
  run_until_rest();
  EXPECT_EQ(job->state(), JobState::succeeded);
  EXPECT_EQ(log_->calls(CallKind::preview).size(), 3u);
}

TEST_F(SchedulerTest, GivesCachesBackOnceAfterAQuietTime) {
  submit();
  const Turn turn = run_until_rest();
  ASSERT_TRUE(turn.rest_until);
  EXPECT_EQ(*turn.rest_until, clock_.now() + 30s);
  EXPECT_TRUE(log_->calls(CallKind::idle).empty());
  clock_.advance(30s);
  EXPECT_FALSE(run_until_rest().rest_until);
  clock_.advance(1h);
  run_until_rest();
  EXPECT_EQ(log_->calls(CallKind::idle).size(), 1u);
}

TEST_F(SchedulerTest, MeasuresPhasesAndEstimatesTheRest) {
  log_->hook = [this](const FakeCall& call) {
    if (call.kind == CallKind::begin) clock_.advance(100ms);
    if (call.kind == CallKind::step) clock_.advance(200ms);
    if (call.kind == CallKind::finish) clock_.advance(300ms);
  };
  const auto first = submit({.steps = 4});
  run_until_rest();
  const JobTimings timings = first->snapshot().timings;
  EXPECT_DOUBLE_EQ(timings.encode_seconds, 0.1);
  EXPECT_DOUBLE_EQ(timings.denoise_seconds, 0.8);
  EXPECT_DOUBLE_EQ(timings.decode_seconds, 0.3);
  EXPECT_EQ(load_.remaining_seconds, 0);
  const auto second = submit({.steps = 4});
  turns(3);
  EXPECT_NEAR(second->snapshot().eta_seconds, 2 * 0.2 + 0.3, 1e-9);
  EXPECT_EQ(load_.jobs, 1);
  EXPECT_NEAR(load_.remaining_seconds, 0.7, 1e-9);
}

}  // namespace
}  // namespace bafa::serve
