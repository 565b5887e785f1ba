// Jobs in a running engine: submitted, refused, repeated, canceled, listed.
#include "serve/job_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <set>
#include <string>
#include <vector>

#include "bafa/error.h"
#include "support/job_engine_harness.h"

namespace bafa::serve {
namespace {

using namespace std::chrono_literals;
constexpr auto kForever = 1h;

using test::CallKind;
using test::FakeCall;
using test::valid_request;

class JobEngineJobs : public test::JobEngineTest {};

TEST_F(JobEngineJobs, PaintsWhatWasSubmitted) {
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

TEST_F(JobEngineJobs, KnowsNothingOfJobsThatNeverWere) {
  start();
  EXPECT_FALSE(engine_->snapshot("nobody"));
  EXPECT_FALSE(engine_->wait("nobody", 0, kForever));
  EXPECT_FALSE(engine_->cancel("nobody"));
  EXPECT_FALSE(engine_->abandon("nobody"));
  EXPECT_EQ(engine_->follow("nobody"), nullptr);
  EXPECT_EQ(engine_->result("nobody"), nullptr);
  EXPECT_TRUE(engine_->previews("nobody").empty());
}

TEST_F(JobEngineJobs, RefusesWhenTheQueueIsFullAndSaysWhenToComeBack) {
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

TEST_F(JobEngineJobs, RefusesWhatCanNeverFitTheBudgetAndNamesIt) {
  log_->memory.budget_bytes = 16 * 16;
  start();
  submit({.side = 16});
  const Refusal refusal = refused(engine_->submit(valid_request({.side = 32}), {}));
  EXPECT_EQ(refusal.code, ErrorCode::unsupported_size);
  EXPECT_THAT(refusal.message, testing::HasSubstr("32x32 takes at least 1.0 KiB"));
  EXPECT_THAT(refusal.message, testing::HasSubstr("256 B"));
}

TEST_F(JobEngineJobs, KeepsPicturesWaitingThatDoNotFitBesideOthers) {
  log_->memory = {.budget_bytes = 1000, .workspace_bytes = 600};
  start();
  submit({.side = 16});
  submit({.side = 16});
  const JobId third = submit({.side = 16});
  gate_.open();
  EXPECT_EQ(end_of(third).state, JobState::succeeded);
  for (const FakeCall& call : log_->calls(CallKind::step)) EXPECT_LE(call.seeds.size(), 2u);
}

TEST_F(JobEngineJobs, CancelsAWaitingJobAtOnce) {
  start();
  submit();
  gate_.wait_for_arrivals(1);
  const JobId waiting = submit();
  EXPECT_TRUE(engine_->cancel(waiting));
  EXPECT_EQ(engine_->snapshot(waiting)->state, JobState::canceled);
  EXPECT_EQ(engine_->queue().depth, 0);
  EXPECT_FALSE(engine_->cancel(waiting)) << "it had ended";
}

TEST_F(JobEngineJobs, CancelsARunningJobAtTheNextStepBoundary) {
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

TEST_F(JobEngineJobs, AnAbandonedJobIsCanceledUnlessSomebodyElseReliesOnIt) {
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

TEST_F(JobEngineJobs, ARepeatUnderAKeyJoinsAndLaterReplays) {
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

TEST_F(JobEngineJobs, AKeyBelongsToOneBodyAndOneTenant) {
  start();
  const JobId id = submit({}, {.tenant = "ann", .idempotency = IdempotencyKey{"k", "body"}});
  EXPECT_EQ(refused(engine_->submit(valid_request(),
                                    {.tenant = "ann", .idempotency = IdempotencyKey{"k", "b2"}}))
                .code,
            ErrorCode::idempotency_mismatch);
  EXPECT_NE(submit({}, {.tenant = "bob", .idempotency = IdempotencyKey{"k", "b2"}}), id);
}

TEST_F(JobEngineJobs, ARepeatOfACanceledJobIsANewJob) {
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

TEST_F(JobEngineJobs, AKeyUsedAHundredTimesAtOnceIsOneJob) {
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

TEST_F(JobEngineJobs, UsesTheConfiguredStartDeadlineUnlessTheCallerNamesOne) {
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

TEST_F(JobEngineJobs, ListsPagesOfATenantsOwnJobs) {
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

TEST_F(JobEngineJobs, WaitTellsEachStep) {
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
