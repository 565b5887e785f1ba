// A real model behind the real queue and scheduler, within a memory budget that is counted.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "memory/ledger.h"
#include "pipeline/load.h"
#include "serve/job_engine.h"

namespace bafa::test {

struct PictureWish {
  std::string prompt = "a red apple";
  std::int64_t seed = 1;
  int width = 64;
  int height = 64;
  int steps = 2;
};

class BudgetedEngine {
 public:
  // Wraps the pipeline that was loaded; on the worker's thread.
  using Wrap = std::function<std::unique_ptr<Pipeline>(std::unique_ptr<Pipeline>)>;

  struct Serving {
    int max_batch = 4;
    std::chrono::seconds idle_after{3600};
  };

  explicit BudgetedEngine(pipeline::LoadOptions options)
      : BudgetedEngine(std::move(options), {}, Serving()) {}

  BudgetedEngine(pipeline::LoadOptions options, Wrap wrap, const Serving& serving)
      : engine_(
            [options = std::move(options), wrap = std::move(wrap)] {
              auto loaded = pipeline::load(options);
              return wrap ? wrap(std::move(loaded)) : std::move(loaded);
            },
            {.queue = {.capacity = 256,
                       .max_batch = serving.max_batch,
                       .idle_after = serving.idle_after},
             .version = "test"},
            clock_) {
    engine_.start();
  }

  // The model stands, or the error says why not.
  void wait_until_loaded() {
    while (engine_.readiness() == Readiness::loading) {
      if (engine_.finished().wait_for(std::chrono::milliseconds(2)) == std::future_status::ready)
        engine_.finished().get();
    }
  }

  SubmitResult submit(const PictureWish& wish) {
    GenerateRequest request;
    request.prompt = wish.prompt;
    request.seed = wish.seed;
    request.width = wish.width;
    request.height = wish.height;
    request.steps = wish.steps;
    return engine_.submit(validate(request, *engine_.capabilities(), 0), {});
  }

  JobSnapshot end_of(const JobId& id) {
    for (JobSnapshot job = engine_.snapshot(id).value();;) {
      if (is_end(job.state)) return job;
      job = engine_.wait(id, job.version, std::chrono::seconds(10)).value();
    }
  }

  // All submitted at once; in their order.
  std::vector<Image> paint(const std::vector<PictureWish>& wishes) {
    std::vector<JobId> ids;
    for (const PictureWish& wish : wishes) ids.push_back(std::get<Accepted>(submit(wish)).id);
    std::vector<Image> pictures;
    for (const JobId& id : ids) {
      const JobSnapshot job = end_of(id);
      EXPECT_EQ(job.state, JobState::succeeded) << (job.error ? job.error->message : "");
      const auto result = engine_.result(id);
      pictures.push_back(result ? result->images.front() : Image{});
    }
    return pictures;
  }

  MemoryReport memory() const { return engine_.memory().value(); }
  serve::JobEngine& engine() { return engine_; }

 private:
  SystemClock clock_;
  serve::JobEngine engine_;
};

}  // namespace bafa::test
