// Carries out what admission decides: the only part that calls the Pipeline while serving. Passive:
// turn() does one round and returns, so that the worker's loop is three lines and tests need no
// thread. One thread only. No lock is held across a call of the model.
//
// A call that fails for a batch is repeated for each of its pictures alone (the pipeline has
// changed none of them); one that fails alone fails its job, except that running out of memory is
// tried once more after the pipeline has given its caches back. Error{device_error} ends serving.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "bafa/pipeline.h"
#include "base/clock.h"
#include "serve/admission.h"
#include "serve/job_queue.h"
#include "serve/metrics.h"
#include "serve/progress.h"
#include "serve/running_jobs.h"

namespace bafa::serve {

struct SchedulerParts {
  Pipeline& pipeline;
  JobQueue& queue;
  Pace& pace;
  Load& load;
  Metrics& metrics;
  const Clock& clock;
  std::function<void(const Job&)> on_end;  // called once for each job that the scheduler ends
  // Takes over a job that ends with pictures, and ends it in its own time; empty: it ends at once.
  std::function<void(const std::shared_ptr<Job>&, const JobEnd&)> keep = {};
};

struct SchedulerOptions {
  AdmissionLimits limits;
  std::chrono::milliseconds idle_after{0};
};

enum class Next {
  again,        // there may be more to do
  rest,         // nothing to do until the queue changes, or until `rest_until`
  done,         // the queue is closed and every job has ended
  device_lost,  // see `error`; call fail_all() and nothing else
};

struct Turn {
  Next next = Next::again;
  std::optional<MonotonicTime> rest_until;
  std::optional<JobError> error;
};

class Scheduler {
 public:
  Scheduler(SchedulerParts parts, SchedulerOptions options);

  // Decides, makes at most one call of the model (and its previews), and says what next.
  Turn turn();

  // Ends every job that runs or waits as failed.
  void fail_all(const JobError& error);

 private:
  struct Attempt {
    std::optional<JobError> error;
    double seconds = 0;
  };

  template <typename Call>
  Attempt attempt(Call&& call);

  Situation look();
  void drop(const Drop& drop);
  void begin(const std::vector<ImageRef>& images);
  void step(const std::vector<ImageRef>& images);
  void finish(const std::vector<ImageRef>& images);
  Turn rest();

  std::vector<ImageRef> start_jobs(const std::vector<ImageRef>& images);
  std::shared_ptr<Job> waiting_job(std::uint64_t serial) const;
  void adopt(const ImageRef& image, std::unique_ptr<Generation> generation);
  void show_previews(const std::vector<ImageRef>& images);
  void enter(Phase phase, std::span<const ImageRef> images);
  void add_time(Phase phase, std::span<const ImageRef> images, double seconds);
  void trust_again(std::span<const ImageRef> images);
  void recover(Phase phase, const std::vector<ImageRef>& images, const JobError& error);
  void end_waiting(const std::shared_ptr<Job>& job, JobEnd end);
  void end(std::uint64_t serial, JobState state, std::optional<JobError> error);
  void report(std::span<const ImageRef> images);
  void publish_load();

  SchedulerParts parts_;
  const SchedulerOptions options_;
  RunningJobs running_;
  std::vector<std::shared_ptr<Job>> waiting_;  // as of the last look
  std::optional<JobError> device_lost_;
  MonotonicTime last_call_;
  bool idle_called_ = true;  // after loading there is nothing to give back
};

}  // namespace bafa::serve
