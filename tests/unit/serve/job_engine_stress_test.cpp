// Many callers at once, for the thread sanitizer and for the one promise that matters: every job
// that was accepted ends exactly once, whoever ends it.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "bafa/error.h"
#include "serve/job_engine.h"
#include "support/requests.h"

namespace bafa::serve {
namespace {

constexpr int kSubmitters = 6;
constexpr int kJobsEach = 40;

// The counter `name`, summed over its labels.
double sum_of(const std::string& metrics, const std::string& name) {
  double sum = 0;
  for (std::size_t at = metrics.find("\n" + name); at != std::string::npos;
       at = metrics.find("\n" + name, at + 1)) {
    const std::size_t end = metrics.find('\n', at + 1);
    const std::string line = metrics.substr(at + 1, end - at - 1);
    sum += std::stod(line.substr(line.rfind(' ')));
  }
  return sum;
}

TEST(JobEngineStress, EveryAcceptedJobEndsExactlyOnce) {
  const auto log = std::make_shared<test::FakeLog>();
  std::atomic<int> calls = 0;
  log->hook = [&](const test::FakeCall& call) {
    if (call.kind != test::CallKind::idle && ++calls % 17 == 0) {
      throw Error(ErrorCode::generation_failed, "every seventeenth call");
    }
  };
  const SystemClock clock;
  EngineOptions options;
  options.queue.capacity = 8;
  JobEngine engine([log] { return std::make_unique<test::FakePipeline>(log); }, options, clock);
  engine.start();
  while (engine.readiness() == Readiness::loading) std::this_thread::yield();

  std::atomic<int> accepted = 0;
  std::atomic<int> ended = 0;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < kSubmitters; ++caller) {
    callers.emplace_back([&, caller] {
      for (int i = 0; i < kJobsEach; ++i) {
        const test::Wish wish{.count = 1 + i % 3, .steps = 3, .side = caller % 2 == 0 ? 8 : 16};
        const SubmitResult result = engine.submit(
            test::valid_request(wish), {.tenant = std::to_string(caller % 3), .previews = i % 2});
        const auto* job = std::get_if<Accepted>(&result);
        if (job == nullptr) continue;
        ++accepted;
        std::thread canceler([&] {
          if (i % 4 == 0) engine.cancel(job->id);
          if (i % 4 == 1) engine.abandon(job->id);
        });
        if (is_end(engine.wait(job->id, UINT64_MAX, std::chrono::hours{1})->state)) ++ended;
        canceler.join();
        engine.list({.tenant = "0"});
        engine.queue();
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  engine.drain();
  engine.finished().get();
  EXPECT_GT(accepted, 0);
  EXPECT_EQ(ended, accepted);
  EXPECT_EQ(sum_of(engine.metrics(), "bafa_jobs_total{"), accepted) << "ended once, not twice";
  EXPECT_EQ(log->alive, 0);
  EXPECT_EQ(engine.queue().depth, 0);
  EXPECT_EQ(engine.queue().running, 0);
}

}  // namespace
}  // namespace bafa::serve
