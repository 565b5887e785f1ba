// The Engine: a bounded queue, a store of jobs, and one worker thread that loads the model and is
// the only one to touch it. Made by app, shared with http; any thread may call it. Destroy it after
// everybody who may stand in wait() has left.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "bafa/config.h"
#include "bafa/engine.h"
#include "bafa/pipeline.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "serve/job.h"
#include "serve/job_queue.h"
#include "serve/metrics.h"
#include "serve/progress.h"
#include "serve/store/memory_store.h"
#include "serve/store/result_saver.h"

namespace bafa::serve {

struct Turn;

// Loads the model. Called once, on the worker thread; an exception ends the worker (see
// finished()).
using PipelineFactory = std::function<std::unique_ptr<Pipeline>()>;

struct EngineOptions {
  QueueConfig queue;
  ResultsConfig results;
  std::string version;  // for bafa_build_info
  // The worker ends a round at least so often, also when there is nothing to do (see turns()).
  std::optional<std::chrono::milliseconds> longest_rest{};
  // Called on the worker thread as its last act: wakes a main that waits for signals.
  std::function<void()> on_finished;
};

class JobEngine final : public Engine {
 public:
  // Nothing is loaded before start(). `clock` must outlive the engine. Throws what ResultFiles
  // throws when results have a state_dir.
  JobEngine(PipelineFactory factory, EngineOptions options, const Clock& clock);

  // Stops at once (see stop()) and joins the worker, if there is one.
  ~JobEngine() override;

  JobEngine(const JobEngine&) = delete;
  JobEngine& operator=(const JobEngine&) = delete;

  // Starts the worker, which begins to load the model; readiness is `loading` until that is done.
  // Once, when everything is in place that could still stop the program.
  void start();

  // Takes no more jobs, ends the waiting ones as canceled with code `draining`, lets running ones
  // finish within drain_timeout and cancels the rest in the same way. Returns at once.
  void drain();

  // The same without the time to finish: running jobs end at the next step boundary.
  void stop();

  // Ready when the worker has ended: after drain() or stop() with no exception; otherwise get()
  // throws why the model could not be loaded, or Error{device_error} when the device was lost. The
  // engine then goes on answering for the jobs it knows.
  std::shared_future<void> finished() const;

  // How many rounds the worker has ended: steps, other calls of the model, and looks at the queue.
  // Stands still while a call of the model does not return.
  std::uint64_t turns() const { return turns_; }

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
  std::optional<MemoryReport> memory() const override;
  Readiness readiness() const override;
  std::string metrics() const override;

 private:
  std::unique_ptr<ResultSaver> make_saver();
  void work(const PipelineFactory& factory);
  Pipeline& load(const PipelineFactory& factory) EXCLUDES(mutex_);
  void serve(Pipeline& pipeline);
  std::optional<std::chrono::nanoseconds> rest_of(const Turn& turn) const;
  void set_readiness(Readiness readiness) EXCLUDES(mutex_);

  std::optional<SubmitResult> repeat(const SubmitOptions& options);
  Refusal refuse(ErrorCode code);
  Refusal refuse_too_large(const GenerationParams& params, const Cost& cost);
  bool cancel_job(Job& job, JobError reason);
  void settle(const Job& job);
  JobSnapshot with_position(const Job& job, JobSnapshot snapshot) const;

  const EngineOptions options_;
  const Clock& clock_;
  mutable Metrics metrics_;
  std::unique_ptr<ResultSaver> saver_;  // null: pictures stay in memory; outlives every job
  mutable MemoryStore store_;
  JobQueue queue_;
  Pace pace_;
  Load load_;
  std::atomic<std::uint64_t> turns_{0};

  mutable Mutex mutex_;
  Readiness readiness_ GUARDED_BY(mutex_) = Readiness::loading;
  std::shared_ptr<const Capabilities> capabilities_ GUARDED_BY(mutex_);
  std::unique_ptr<Pipeline> pipeline_ GUARDED_BY(mutex_);  // never replaced once set

  Mutex submit_mutex_;  // one submit at a time: looks for a repeat and pushes as one step
  std::uint64_t next_serial_ GUARDED_BY(submit_mutex_) = 1;

  std::packaged_task<void()> task_;  // the worker's; moved to it
  std::shared_future<void> finished_;
  std::thread worker_;
};

}  // namespace bafa::serve
