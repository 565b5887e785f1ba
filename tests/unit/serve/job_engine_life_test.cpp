// The engine from its start to its end: loading, resting, forgetting, draining, a lost device.
#include "serve/job_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <string>
#include <thread>

#include "bafa/error.h"
#include "support/job_engine_harness.h"

namespace bafa::serve {
namespace {

using namespace std::chrono_literals;
using test::CallKind;
using test::FakeCall;
using test::valid_request;

class JobEngineLife : public test::JobEngineTest {};

TEST_F(JobEngineLife, LoadsNothingBeforeItIsStarted) {
  {
    const JobEngine engine(
        []() -> std::unique_ptr<Pipeline> {
          ADD_FAILURE() << "loaded";
          return nullptr;
        },
        options_, clock_);
    EXPECT_EQ(engine.readiness(), Readiness::loading);
  }
}

TEST_F(JobEngineLife, RefusesUntilTheModelHasLoaded) {
  std::promise<void> load;
  begin([&] {
    load.get_future().wait();
    return factory()();
  });
  EXPECT_EQ(engine_->readiness(), Readiness::loading);
  EXPECT_EQ(engine_->capabilities(), nullptr);
  EXPECT_EQ(refused(engine_->submit(valid_request(), {})).code, ErrorCode::loading);
  load.set_value();
  while (engine_->readiness() == Readiness::loading) std::this_thread::yield();
  ASSERT_NE(engine_->capabilities(), nullptr);
  EXPECT_EQ(engine_->capabilities()->model, "fake");
  submit();
}

TEST_F(JobEngineLife, TellsMainWhyTheModelCouldNotBeLoaded) {
  std::promise<void> woken;
  options_.on_finished = [&] { woken.set_value(); };
  begin([]() -> std::unique_ptr<Pipeline> {
    throw Error(ErrorCode::invalid_model, "unet/config.json is missing");
  });
  woken.get_future().wait();
  EXPECT_THAT([&] { engine_->finished().get(); },
              testing::ThrowsMessage<Error>("unet/config.json is missing"));
  EXPECT_EQ(refused(engine_->submit(valid_request(), {})).code, ErrorCode::loading);
}

TEST_F(JobEngineLife, MovesWhileItRestsButNotWhileTheModelHangs) {
  options_.longest_rest = 1ms;
  start();
  while (engine_->turns() < 3) std::this_thread::yield();
  submit();
  gate_.wait_for_arrivals(1);
  const std::uint64_t before = engine_->turns();
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(engine_->turns(), before);
}

TEST_F(JobEngineLife, LetsGoOfOldPicturesAlsoWhenNobodyAsks) {
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

TEST_F(JobEngineLife, DrainsAndThenEnds) {
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

TEST_F(JobEngineLife, StopsWithoutFinishingWhatRuns) {
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

TEST_F(JobEngineLife, CanBeDestroyedWhileJobsRunAndWait) {
  start();
  submit({.steps = 50});
  gate_.wait_for_arrivals(1);
  submit();
  gate_.open();
  engine_.reset();
  EXPECT_EQ(log_->alive, 0);
}

TEST_F(JobEngineLife, CanBeDrainedWhileItLoads) {
  std::promise<void> load;
  begin([&] {
    load.get_future().wait();
    return factory()();
  });
  engine_->drain();
  load.set_value();
  engine_->finished().get();
  EXPECT_EQ(engine_->readiness(), Readiness::draining);
}

TEST_F(JobEngineLife, ALostDeviceIsReportedAndStaysLost) {
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

TEST_F(JobEngineLife, ForgetsResultsAfterTheirTime) {
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

}  // namespace
}  // namespace bafa::serve
