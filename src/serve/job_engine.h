// The Engine: a bounded queue, a store of jobs, and one worker thread that loads the model and is
// the only one to touch it. Made by app, shared with http; any thread may call it. Destroy it after
// everybody who may stand in wait() has left.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <string>

#include "bafa/config.h"
#include "bafa/engine.h"
#include "bafa/pipeline.h"
#include "base/clock.h"

namespace bafa::serve {

// Loads the model. Called once, on the worker thread; an exception ends the worker (see
// finished()).
using PipelineFactory = std::function<std::unique_ptr<Pipeline>()>;

struct EngineOptions {
  QueueConfig queue;
  ResultsConfig results;
  std::uint64_t workspace_bytes = 0;  // device bytes for all images being painted; 0: no limit
  std::string version;                // for bafa_build_info
  // Called on the worker thread as its last act: wakes a main that waits for signals.
  std::function<void()> on_finished;
};

class JobEngine final : public Engine {
 public:
  // Starts the worker, which begins to load the model; readiness is `loading` until that is done.
  // `clock` must outlive the engine.
  JobEngine(PipelineFactory factory, EngineOptions options, const Clock& clock);

  // Stops at once (see stop()) and joins the worker.
  ~JobEngine() override;

  JobEngine(const JobEngine&) = delete;
  JobEngine& operator=(const JobEngine&) = delete;

  // Takes no more jobs, ends the waiting ones as canceled with code `draining`, lets running ones
  // finish within drain_timeout and cancels the rest in the same way. Returns at once.
  void drain();

  // The same without the time to finish: running jobs end at the next step boundary.
  void stop();

  // Ready when the worker has ended: after drain() or stop() with no exception; otherwise get()
  // throws why the model could not be loaded, or Error{device_error} when the device was lost. The
  // engine then goes on answering for the jobs it knows.
  std::shared_future<void> finished() const;

  std::shared_ptr<const Capabilities> capabilities() const override;
  SubmitResult submit(ValidRequest request, SubmitOptions options) override;
  std::optional<JobSnapshot> snapshot(const JobId& id) const override;
  bool forgotten(const JobId& id) const override;
  std::optional<JobSnapshot> wait(const JobId& id, std::uint64_t seen_version,
                                  std::chrono::milliseconds timeout) const override;
  std::shared_ptr<const JobResult> result(const JobId& id) const override;
  std::vector<JobPreview> previews(const JobId& id) const override;
  bool cancel(const JobId& id) override;
  bool abandon(const JobId& id) override;
  std::shared_ptr<const void> follow(const JobId& id) const override;
  JobPage list(const JobQuery& query) const override;
  QueueSnapshot queue() const override;
  Readiness readiness() const override;
  std::string metrics() const override;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace bafa::serve
