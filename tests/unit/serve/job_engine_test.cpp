// The engine with its worker thread. A gate holds the worker between two calls of the model, so
// that each test decides what is true at that moment; nothing waits for time to pass.
#include "serve/job_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "bafa/error.h"
#include "support/gate.h"
#include "support/manual_clock.h"
#include "support/requests.h"

namespace bafa::serve {
namespace {

using namespace std::chrono_literals;
using test::CallKind;
using test::FakeCall;
using test::Gate;
using test::ManualClock;
using test::valid_request;
using test::Wish;

constexpr auto kForever = 1h;

class JobEngineTest : public testing::Test {
 protected:
  JobEngineTest() {
    options_.queue.capacity = 3;
    options_.queue.max_batch = 1;
    log_->hook = [this](const FakeCall& call) {
      if (call.kind != CallKind::idle) gate_.pass();
    };
  }
  ~JobEngineTest() override { gate_.open(); }

  PipelineFactory factory() {
    return [log = log_] { return std::make_unique<test::FakePipeline>(log); };
  }

  // An engine that has loaded its model.
  JobEngine& start() {
    engine_ = std::make_unique<JobEngine>(factory(), options_, clock_);
    while (engine_->readiness() == Readiness::loading) std::this_thread::yield();
    return *engine_;
  }

  static JobId accepted(const SubmitResult& result) { return std::get<Accepted>(result).id; }
  static Refusal refused(const SubmitResult& result) { return std::get<Refusal>(result); }

  JobId submit(const Wish& wish = {}, SubmitOptions options = {}) {
    return accepted(engine_->submit(valid_request(wish), std::move(options)));
  }

  JobSnapshot end_of(const JobId& id) { return *engine_->wait(id, UINT64_MAX, kForever); }

  ManualClock clock_;
  Gate gate_;
  std::shared_ptr<test::FakeLog> log_ = std::make_shared<test::FakeLog>();
  EngineOptions options_;
  std::unique_ptr<JobEngine> engine_;
};

TEST_F(JobEngineTest, RefusesUntilTheModelHasLoaded) {
  std::promise<void> load;
  engine_ = std::make_unique<JobEngine>(
      [&] {
        load.get_future().wait();
        return factory()();
      },
      options_, clock_);
  EXPECT_EQ(engine_->readiness(), Readiness::loading);
  EXPECT_EQ(engine_->capabilities(), nullptr);
  EXPECT_EQ(refused(engine_->submit(valid_request(), {})).code, ErrorCode::loading);
  load.set_value();
  while (engine_->readiness() == Readiness::loading) std::this_thread::yield();
  ASSERT_NE(engine_->capabilities(), nullptr);
  EXPECT_EQ(engine_->capabilities()->model, "fake");
  submit();
}

TEST_F(JobEngineTest, TellsMainWhyTheModelCouldNotBeLoaded) {
  std::promise<void> woken;
  options_.on_finished = [&] { woken.set_value(); };
  engine_ = std::make_unique<JobEngine>(
      []() -> std::unique_ptr<Pipeline> {
        throw Error(ErrorCode::invalid_model, "unet/config.json is missing");
      },
      options_, clock_);
  woken.get_future().wait();
  EXPECT_THAT([&] { engine_->finished().get(); },
              testing::ThrowsMessage<Error>("unet/config.json is missing"));
  EXPECT_EQ(refused(engine_->submit(valid_request(), {})).code, ErrorCode::loading);
}

TEST_F(JobEngineTest, MovesWhileItRestsButNotWhileTheModelHangs) {
  options_.longest_rest = 1ms;
  start();
  while (engine_->turns() < 3) std::this_thread::yield();
  submit();
  gate_.wait_for_arrivals(1);
  const std::uint64_t before = engine_->turns();
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(engine_->turns(), before);
}

TEST_F(JobEngineTest, LetsGoOfOldPicturesAlsoWhenNobodyAsks) {
  options_.results.ttl = std::chrono::seconds(60);
  options_.longest_rest = 1ms;
  gate_.open();
  start();
  const JobId id = submit();
  end_of(id);
  const std::weak_ptr<const JobResult> result = engine_->result(id);
  EXPECT_FALSE(result.expired());
  // The result may be kept a moment after its end is known, by a clock that has moved on.
  while (!result.expired()) {
    clock_.advance(60s);
    std::this_thread::yield();
  }
}

TEST_F(JobEngineTest, PaintsWhatWasSubmitted) {
  gate_.open();
  start();
  const JobId id = submit({.count = 2, .seed = 77});
  const JobSnapshot job = end_of(id);
  EXPECT_EQ(job.state, JobState::succeeded);
  EXPECT_EQ(job.position, 0);
  const auto result = engine_->result(id);
  ASSERT_NE(result, nullptr);
  ASSERT_EQ(result->images.size(), 2u);
  EXPECT_EQ(result->images[1].rgb[0], 78);
}

TEST_F(JobEngineTest, KnowsNothingOfJobsThatNeverWere) {
  start();
  EXPECT_FALSE(engine_->snapshot("nobody"));
  EXPECT_FALSE(engine_->wait("nobody", 0, kForever));
  EXPECT_FALSE(engine_->cancel("nobody"));
  EXPECT_FALSE(engine_->abandon("nobody"));
  EXPECT_EQ(engine_->follow("nobody"), nullptr);
  EXPECT_EQ(engine_->result("nobody"), nullptr);
  EXPECT_TRUE(engine_->previews("nobody").empty());
}

TEST_F(JobEngineTest, RefusesWhenTheQueueIsFullAndSaysWhenToComeBack) {
  start();
  submit();
  gate_.wait_for_arrivals(1);  // the first job runs
  for (int i = 0; i < 3; ++i) EXPECT_EQ(engine_->snapshot(submit())->position, i + 1);
  const Refusal refusal = refused(engine_->submit(valid_request(), {}));
  EXPECT_EQ(refusal.code, ErrorCode::queue_full);
  EXPECT_GE(refusal.retry_after, 1s);
  EXPECT_LE(refusal.retry_after, 120s);
  EXPECT_EQ(engine_->queue().depth, 3);
  EXPECT_EQ(engine_->queue().capacity, 3);
  EXPECT_EQ(engine_->list({}).jobs.size(), 4u) << "what was refused leaves nothing behind";
  EXPECT_THAT(engine_->metrics(),
              testing::HasSubstr("bafa_admission_rejected_total{reason=\"queue_full\"} 1"));
}

TEST_F(JobEngineTest, RefusesWhatCanNeverFitTheBudgetAndNamesIt) {
  log_->memory.budget_bytes = 16 * 16;
  start();
  submit({.side = 16});
  const Refusal refusal = refused(engine_->submit(valid_request({.side = 32}), {}));
  EXPECT_EQ(refusal.code, ErrorCode::unsupported_size);
  EXPECT_THAT(refusal.message, testing::HasSubstr("32x32 takes at least 1.0 KiB"));
  EXPECT_THAT(refusal.message, testing::HasSubstr("256 B"));
}

TEST_F(JobEngineTest, KeepsPicturesWaitingThatDoNotFitBesideOthers) {
  log_->memory = {.budget_bytes = 1000, .workspace_bytes = 600};
  start();
  submit({.side = 16});
  submit({.side = 16});
  const JobId third = submit({.side = 16});
  gate_.open();
  EXPECT_EQ(end_of(third).state, JobState::succeeded);
  for (const FakeCall& call : log_->calls(CallKind::step)) EXPECT_LE(call.seeds.size(), 2u);
}

TEST_F(JobEngineTest, CancelsAWaitingJobAtOnce) {
  start();
  submit();
  gate_.wait_for_arrivals(1);
  const JobId waiting = submit();
  EXPECT_TRUE(engine_->cancel(waiting));
  EXPECT_EQ(engine_->snapshot(waiting)->state, JobState::canceled);
  EXPECT_EQ(engine_->queue().depth, 0);
  EXPECT_FALSE(engine_->cancel(waiting)) << "it had ended";
}

TEST_F(JobEngineTest, CancelsARunningJobAtTheNextStepBoundary) {
  start();
  const JobId id = submit({.steps = 50});
  gate_.let_through(1);        // the encoder's call
  gate_.wait_for_arrivals(2);  // stands in its first step
  EXPECT_TRUE(engine_->cancel(id));
  EXPECT_TRUE(engine_->cancel(id)) << "still true of a job that will end";
  EXPECT_EQ(engine_->snapshot(id)->state, JobState::running);
  gate_.let_through(1);  // this one step
  EXPECT_EQ(end_of(id).state, JobState::canceled);
  EXPECT_EQ(log_->calls(CallKind::step).size(), 1u);
}

TEST_F(JobEngineTest, AnAbandonedJobIsCanceledUnlessSomebodyElseReliesOnIt) {
  start();
  submit();
  gate_.wait_for_arrivals(1);
  const JobId lonely = submit();
  EXPECT_TRUE(engine_->abandon(lonely));
  EXPECT_EQ(engine_->snapshot(lonely)->state, JobState::canceled);

  const JobId followed = submit();
  const auto token = engine_->follow(followed);
  EXPECT_FALSE(engine_->abandon(followed));
  EXPECT_EQ(engine_->snapshot(followed)->state, JobState::queued);

  const JobId keyed = submit({}, {.idempotency = IdempotencyKey{"k", "body"}});
  EXPECT_FALSE(engine_->abandon(keyed));
  EXPECT_EQ(engine_->snapshot(keyed)->state, JobState::queued);
}

TEST_F(JobEngineTest, ARepeatUnderAKeyJoinsAndLaterReplays) {
  start();
  const SubmitOptions options{.tenant = "ann", .idempotency = IdempotencyKey{"k", "body"}};
  const JobId id = submit({}, options);
  const auto joined = std::get<Accepted>(engine_->submit(valid_request(), options));
  EXPECT_EQ(joined.id, id);
  EXPECT_EQ(joined.how, Acceptance::joined);
  gate_.open();
  end_of(id);
  const auto replayed = std::get<Accepted>(engine_->submit(valid_request(), options));
  EXPECT_EQ(replayed.id, id);
  EXPECT_EQ(replayed.how, Acceptance::replayed);
  EXPECT_EQ(log_->calls(CallKind::begin).size(), 1u);
}

TEST_F(JobEngineTest, AKeyBelongsToOneBodyAndOneTenant) {
  start();
  const JobId id = submit({}, {.tenant = "ann", .idempotency = IdempotencyKey{"k", "body"}});
  EXPECT_EQ(refused(engine_->submit(valid_request(),
                                    {.tenant = "ann", .idempotency = IdempotencyKey{"k", "b2"}}))
                .code,
            ErrorCode::idempotency_mismatch);
  EXPECT_NE(submit({}, {.tenant = "bob", .idempotency = IdempotencyKey{"k", "b2"}}), id);
}

TEST_F(JobEngineTest, ARepeatOfACanceledJobIsANewJob) {
  start();
  submit();
  gate_.wait_for_arrivals(1);
  const SubmitOptions options{.idempotency = IdempotencyKey{"k", "body"}};
  const JobId first = submit({}, options);
  engine_->cancel(first);
  const auto second = std::get<Accepted>(engine_->submit(valid_request(), options));
  EXPECT_NE(second.id, first);
  EXPECT_EQ(second.how, Acceptance::created);
}

TEST_F(JobEngineTest, AKeyUsedAHundredTimesAtOnceIsOneJob) {
  start();
  const SubmitOptions options{.idempotency = IdempotencyKey{"k", "body"}};
  std::vector<std::future<SubmitResult>> repeats;
  for (int i = 0; i < 100; ++i) {
    repeats.push_back(
        std::async(std::launch::async, [&] { return engine_->submit(valid_request(), options); }));
  }
  std::set<JobId> ids;
  int created = 0;
  for (auto& repeat : repeats) {
    const auto answer = std::get<Accepted>(repeat.get());
    ids.insert(answer.id);
    created += answer.how == Acceptance::created ? 1 : 0;
  }
  EXPECT_EQ(ids.size(), 1u);
  EXPECT_EQ(created, 1);
}

TEST_F(JobEngineTest, UsesTheConfiguredStartDeadlineUnlessTheCallerNamesOne) {
  options_.queue.start_timeout = 5s;
  start();
  submit({.steps = 3});
  gate_.wait_for_arrivals(1);
  const JobId by_default = submit();
  const JobId patient = submit({}, {.start_timeout = 0ms});
  clock_.advance(5s);
  gate_.open();
  EXPECT_EQ(end_of(by_default).state, JobState::expired);
  EXPECT_EQ(end_of(patient).state, JobState::succeeded);
}

TEST_F(JobEngineTest, DrainsAndThenEnds) {
  start();
  const JobId running = submit();
  gate_.wait_for_arrivals(1);
  const JobId waiting = submit();
  engine_->drain();
  EXPECT_EQ(engine_->readiness(), Readiness::draining);
  EXPECT_EQ(refused(engine_->submit(valid_request(), {})).code, ErrorCode::draining);
  gate_.open();
  engine_->finished().get();
  EXPECT_EQ(engine_->snapshot(running)->state, JobState::succeeded);
  EXPECT_EQ(engine_->snapshot(waiting)->error->code, ErrorCode::draining);
  EXPECT_NE(engine_->result(running), nullptr) << "results can still be fetched";
}

TEST_F(JobEngineTest, StopsWithoutFinishingWhatRuns) {
  start();
  const JobId id = submit({.steps = 50});
  gate_.let_through(1);        // the encoder's call
  gate_.wait_for_arrivals(2);  // stands in its first step
  engine_->drain();
  engine_->stop();
  gate_.let_through(1);
  engine_->finished().get();
  EXPECT_EQ(engine_->snapshot(id)->state, JobState::canceled);
  EXPECT_EQ(engine_->snapshot(id)->error->code, ErrorCode::draining);
  EXPECT_EQ(log_->calls(CallKind::step).size(), 1u);
}

TEST_F(JobEngineTest, CanBeDestroyedWhileJobsRunAndWait) {
  start();
  submit({.steps = 50});
  gate_.wait_for_arrivals(1);
  submit();
  gate_.open();
  engine_.reset();
  EXPECT_EQ(log_->alive, 0);
}

TEST_F(JobEngineTest, CanBeDrainedWhileItLoads) {
  std::promise<void> load;
  engine_ = std::make_unique<JobEngine>(
      [&] {
        load.get_future().wait();
        return factory()();
      },
      options_, clock_);
  engine_->drain();
  load.set_value();
  engine_->finished().get();
  EXPECT_EQ(engine_->readiness(), Readiness::draining);
}

TEST_F(JobEngineTest, ALostDeviceIsReportedAndStaysLost) {
  log_->hook = [](const FakeCall&) { throw Error(ErrorCode::device_error, "the device fell off"); };
  start();
  const JobId id = submit();
  EXPECT_EQ(end_of(id).error->code, ErrorCode::device_error);
  EXPECT_EQ(engine_->readiness(), Readiness::device_error) << "before its jobs end";
  EXPECT_THAT([&] { engine_->finished().get(); },
              testing::ThrowsMessage<Error>("the device fell off"));
  EXPECT_EQ(engine_->readiness(), Readiness::device_error);
  EXPECT_EQ(refused(engine_->submit(valid_request(), {})).code, ErrorCode::device_error);
  engine_->drain();
  EXPECT_EQ(engine_->readiness(), Readiness::device_error);
}

TEST_F(JobEngineTest, ForgetsResultsAfterTheirTime) {
  options_.results.ttl = 60s;
  gate_.open();
  start();
  const JobId id = submit();
  end_of(id);
  while (engine_->snapshot(id)) {  // its time begins when the worker has settled it
    clock_.advance(1min);
    std::this_thread::yield();
  }
  EXPECT_TRUE(engine_->forgotten(id));
  EXPECT_EQ(engine_->result(id), nullptr);
}

TEST_F(JobEngineTest, ListsPagesOfATenantsOwnJobs) {
  options_.queue.capacity = 10;
  start();
  std::vector<JobId> mine;
  for (int i = 0; i < 5; ++i) {
    mine.push_back(submit({}, {.tenant = "ann"}));
    submit({}, {.tenant = "bob"});
  }
  const JobPage page = engine_->list({.tenant = "ann", .limit = 3});
  ASSERT_EQ(page.jobs.size(), 3u);
  EXPECT_TRUE(page.has_more);
  EXPECT_EQ(page.jobs[0].id, mine[4]);
  const JobPage rest = engine_->list({.tenant = "ann", .limit = 3, .after = page.jobs[2].id});
  ASSERT_EQ(rest.jobs.size(), 2u);
  EXPECT_FALSE(rest.has_more);
  engine_->cancel(mine[3]);
  const JobPage canceled = engine_->list({.tenant = "ann", .state = JobState::canceled});
  ASSERT_EQ(canceled.jobs.size(), 1u);
  EXPECT_EQ(canceled.jobs[0].id, mine[3]);
}

TEST_F(JobEngineTest, WaitTellsEachStep) {
  start();
  const JobId id = submit({.steps = 2});
  gate_.let_through(1);        // the encoder's call
  gate_.wait_for_arrivals(2);  // stands in its first step
  JobSnapshot job = *engine_->snapshot(id);
  EXPECT_EQ(job.step, 0);
  gate_.let_through(1);
  while (job.step == 0) job = *engine_->wait(id, job.version, kForever);
  EXPECT_EQ(job.step, 1);
  EXPECT_EQ(job.state, JobState::running);
}

}  // namespace
}  // namespace bafa::serve
