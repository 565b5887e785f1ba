// What a request costs before the device has anything to do with it: taken, or refused because the
// queue is full. The refusal is what an overloaded server does most.
#include <benchmark/benchmark.h>

#include <memory>
#include <thread>
#include <variant>

#include "serve/job_engine.h"
#include "support/gate.h"
#include "support/requests.h"

namespace bafa {
namespace {

// An engine whose device stands still with one job on it, and with `waiting` jobs in its queue.
class BusyEngine {
 public:
  BusyEngine(int capacity, int waiting)
      : engine_([log = log_] { return std::make_unique<test::FakePipeline>(log); },
                {.queue = {.capacity = capacity, .max_batch = 1}}, clock_) {
    log_->hook = [this](const test::FakeCall&) { gate_.pass(); };
    engine_.start();
    while (engine_.readiness() == Readiness::loading) std::this_thread::yield();
    submit();
    gate_.wait_for_arrivals(1);
    for (int i = 0; i < waiting; ++i) submit();
  }
  ~BusyEngine() { gate_.open(); }

  SubmitResult submit() { return engine_.submit(request_, {}); }
  void cancel(const JobId& id) { engine_.cancel(id); }

 private:
  const SystemClock clock_;
  test::Gate gate_;
  std::shared_ptr<test::FakeLog> log_ = std::make_shared<test::FakeLog>();
  const ValidRequest request_ = test::valid_request();
  serve::JobEngine engine_;
};

void submit_and_cancel(benchmark::State& state) {
  const int waiting = static_cast<int>(state.range(0));
  BusyEngine engine(waiting + 1, waiting);
  for (auto _ : state) engine.cancel(std::get<Accepted>(engine.submit()).id);
}

void refuse_when_full(benchmark::State& state) {
  const int capacity = static_cast<int>(state.range(0));
  BusyEngine engine(capacity, capacity);
  for (auto _ : state) benchmark::DoNotOptimize(std::get<Refusal>(engine.submit()));
}

BENCHMARK(submit_and_cancel)->Arg(0)->Arg(10)->Arg(1000);
BENCHMARK(refuse_when_full)->Arg(10)->Arg(1000);

}  // namespace
}  // namespace bafa
