// A JobEngine with a fake pipeline. A gate holds the worker between two calls of the model, so that
// each test decides what is true at that moment; nothing waits for time to pass.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>
#include <variant>

#include "serve/job_engine.h"
#include "support/fake_pipeline.h"
#include "support/gate.h"
#include "support/manual_clock.h"
#include "support/requests.h"

namespace bafa::test {

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

  serve::PipelineFactory factory() {
    return [log = log_] { return std::make_unique<FakePipeline>(log); };
  }

  // An engine that loads its model.
  serve::JobEngine& begin(serve::PipelineFactory factory) {
    engine_ = std::make_unique<serve::JobEngine>(std::move(factory), options_, clock_);
    engine_->start();
    return *engine_;
  }

  // An engine that has loaded its model.
  serve::JobEngine& start() {
    begin(factory());
    while (engine_->readiness() == Readiness::loading) std::this_thread::yield();
    return *engine_;
  }

  static JobId accepted(const SubmitResult& result) { return std::get<Accepted>(result).id; }
  static Refusal refused(const SubmitResult& result) { return std::get<Refusal>(result); }

  JobId submit(const Wish& wish = {}, SubmitOptions options = {}) {
    return accepted(engine_->submit(valid_request(wish), std::move(options)));
  }

  JobSnapshot end_of(const JobId& id) {
    return *engine_->wait(id, UINT64_MAX, std::chrono::hours(1));
  }

  ManualClock clock_;
  Gate gate_;
  std::shared_ptr<FakeLog> log_ = std::make_shared<FakeLog>();
  serve::EngineOptions options_;
  std::unique_ptr<serve::JobEngine> engine_;
};

}  // namespace bafa::test
