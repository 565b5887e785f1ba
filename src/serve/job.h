// One job: what was asked, how far it is, how it ended. Shared by the queue, the store and the
// worker; every method may be called from any thread. Its state moves only along
//   queued → running → succeeded | failed | canceled,   queued → failed | canceled | expired,
// and the first end stands: whoever is told "true" by end() or Cancel::ended has ended it, once.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "bafa/engine.h"
#include "bafa/pipeline.h"
#include "base/clock.h"
#include "base/mutex.h"

namespace bafa::serve {

// Fixed when the job is made.
struct JobSpec {
  JobId id;
  std::uint64_t serial = 0;  // in order of submission
  ValidRequest request;
  SubmitOptions options;
  Cost cost;  // of each image
  std::optional<MonotonicTime> start_deadline;
};

// What the worker tells about a running job.
struct JobProgress {
  Phase phase = Phase::encode;
  int step = 0;  // over all images
  int attempts = 1;
  int prompt_tokens = 0;
  bool prompt_truncated = false;
  double eta_seconds = 0;
  double mean_batch = 0;
  JobTimings timings;  // queue_wait_seconds is the job's own
};

// The pictures of an ended job where they are kept, for as long as this lives. Any thread.
class KeptResult {
 public:
  virtual ~KeptResult() = default;

  // Null when they are gone. Throws Error{store_unavailable} when they cannot be read.
  virtual std::shared_ptr<const JobResult> load() const = 0;
  virtual std::uint64_t bytes() const = 0;
};

struct JobEnd {
  JobState state = JobState::succeeded;
  std::optional<JobError> error = {};
  std::shared_ptr<const JobResult> result = {};  // in memory; null: no pictures, or elsewhere
  std::shared_ptr<const KeptResult> kept = {};   // elsewhere
};

enum class Cancel {
  ended,     // it was waiting: ended by this call
  will_end,  // it is running: the worker ends it at the next step boundary
  too_late,  // it had ended
};

class Job {
 public:
  Job(JobSpec spec, const Clock& clock);

  const JobSpec& spec() const { return spec_; }
  MonotonicTime created() const { return created_; }

  // queued → running. False when it ended before.
  bool start() EXCLUDES(mutex_);

  // Ends the job. False when it had ended. A running job that was asked to cancel ends as canceled
  // whatever `end` says, because the caller was promised so; its pictures are kept.
  bool end(JobEnd end) EXCLUDES(mutex_);

  // `reason` becomes the job's error. Repeats are harmless; the first reason stands.
  Cancel cancel(JobError reason) EXCLUDES(mutex_);

  // Set while a running job waits to be canceled.
  std::optional<JobError> cancel_reason() const EXCLUDES(mutex_);

  // Of a running job, by the worker.
  void report(const JobProgress& progress) EXCLUDES(mutex_);
  void add_preview(JobPreview preview) EXCLUDES(mutex_);

  // Wakes who waits for news: the position in the queue changed.
  void touch() EXCLUDES(mutex_);

  // Without position and, while queued, without eta_seconds: those are the queue's to tell.
  JobSnapshot snapshot() const EXCLUDES(mutex_);

  // Returns when the version is above `seen_version`, the job has ended, or `timeout` is over.
  JobSnapshot wait(std::uint64_t seen_version, std::chrono::milliseconds timeout) const
      EXCLUDES(mutex_);

  JobState state() const EXCLUDES(mutex_);
  // Throws what KeptResult::load() throws, and may read a file.
  std::shared_ptr<const JobResult> result() const EXCLUDES(mutex_);
  std::vector<JobPreview> previews() const EXCLUDES(mutex_);

  // What keeping it costs once it has ended.
  std::size_t retained_bytes() const EXCLUDES(mutex_);

  // A token for whoever relies on the job while others may abandon it.
  std::shared_ptr<const void> follow() const { return follow_; }
  bool followed() const { return follow_.use_count() > 1; }

 private:
  void move_to(JobState next) REQUIRES(mutex_);
  void finish(JobEnd end) REQUIRES(mutex_);
  void changed() REQUIRES(mutex_);

  const JobSpec spec_;
  const Clock& clock_;
  const MonotonicTime created_;
  const std::shared_ptr<const char> follow_ = std::make_shared<const char>('\0');

  mutable Mutex mutex_;
  mutable CondVar news_;
  JobSnapshot now_ GUARDED_BY(mutex_);
  std::optional<JobError> cancel_reason_ GUARDED_BY(mutex_);
  std::shared_ptr<const JobResult> result_ GUARDED_BY(mutex_);
  std::shared_ptr<const KeptResult> kept_ GUARDED_BY(mutex_);
  std::vector<JobPreview> previews_ GUARDED_BY(mutex_);  // the newest of each image
};

}  // namespace bafa::serve
