// What callers of the server can do with jobs. Implemented in serve, used by http and app. Every
// method may be called from any thread and returns without waiting for the device, except wait().
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "bafa/capabilities.h"
#include "bafa/error.h"
#include "bafa/image.h"
#include "bafa/pipeline.h"
#include "bafa/request.h"

namespace bafa {

using JobId = std::string;  // unguessable: 128 random bits as 32 hex digits
using WallTime = std::chrono::system_clock::time_point;

enum class JobState { queued, running, succeeded, failed, canceled, expired };
enum class Phase { encode, denoise, decode, save };
enum class Priority { low, normal, high };

std::string_view to_string(JobState state);
std::string_view to_string(Phase phase);
std::string_view to_string(Priority priority);

// The four ends: a job in one of them never changes again.
inline bool is_end(JobState state) {
  return state != JobState::queued && state != JobState::running;
}

struct JobError {
  ErrorCode code = ErrorCode::internal;
  std::string message;
};

// Seconds of one job's life, filled in as it goes.
struct JobTimings {
  double queue_wait_seconds = 0;
  double encode_seconds = 0;
  double denoise_seconds = 0;
  double decode_seconds = 0;
};

// A job as it was at one moment. A value: safe to keep, never blocks anything.
struct JobSnapshot {
  JobId id;
  std::string tenant;
  JobState state = JobState::queued;
  Phase phase = Phase::encode;  // meaningful while running
  int position = 0;             // 1 = next to start; 0 once started
  double eta_seconds = 0;       // estimate until the end; 0 at an end
  int step = 0;                 // denoising steps done, over all images: 0..steps
  int steps = 0;
  int attempts = 0;
  GenerationParams params;
  WallTime created_at{};
  std::optional<WallTime> started_at;
  std::optional<WallTime> finished_at;
  std::optional<JobError> error;  // failed, canceled, expired
  JobTimings timings;
  double mean_batch = 0;  // pictures in a step of this job, its own and others'
  bool prompt_truncated = false;
  int prompt_tokens = 0;
  std::uint64_t version = 0;  // grows with every change; see wait()
};

// What a job painted. A canceled job keeps the pictures that were finished before its end.
struct JobResult {
  std::vector<Image> images;  // in the order of seeds
  std::vector<int> indices;   // images[i] was painted with seed + indices[i]
};

// A preview of one image of a job, made between two steps.
struct JobPreview {
  int image_index = 0;
  int step = 0;  // after this many steps of that image
  std::shared_ptr<const Image> image;
};

// Makes it harmless to submit the same body again: one tenant, one key, one job.
struct IdempotencyKey {
  std::string key;          // the caller's own
  std::string fingerprint;  // equal for equal bodies only, such as a digest of the body
};

struct SubmitOptions {
  std::string tenant{};  // the key's name; "" for the anonymous caller
  Priority priority = Priority::normal;
  // Must have started by then, else expired. Absent: the configured default; 0: no deadline.
  std::optional<std::chrono::milliseconds> start_timeout{};
  int previews = 0;  // 0..3 previews of each image, spread evenly over the steps
  std::optional<IdempotencyKey> idempotency{};
  // Most jobs of this tenant in the queue; 0: no limit of its own.
  int max_waiting = 0;
  // There are other tenants: this one may never hold more places of the queue than it leaves free.
  bool shares_queue = false;
  std::string request_id{};  // for the log
};

// A repeat under an idempotency key gives the first job's id: while it is waiting or running the
// caller joins it; afterwards its outcome is replayed. A job that ended for a cause that passes
// (canceled, expired, draining, out of memory, ...) is no outcome: the repeat is a new job.
enum class Acceptance { created, joined, replayed };

struct Accepted {
  JobId id;
  Acceptance how = Acceptance::created;
};

// Why a request was not taken; retry_after is the server's own estimate. Codes: queue_full,
// tenant_limit, loading, draining, device_error; unsupported_size (never fits the memory budget)
// and idempotency_mismatch (the key belongs to another body) do not pass with time.
struct Refusal {
  ErrorCode code = ErrorCode::queue_full;
  std::string message;
  std::chrono::seconds retry_after{1};  // 1..120
};

using SubmitResult = std::variant<Accepted, Refusal>;

struct QueueSnapshot {
  int depth = 0;  // jobs waiting
  int capacity = 0;
  int running = 0;         // jobs begun and not yet at an end
  double eta_seconds = 0;  // estimated wait of a job submitted now
};

enum class Readiness { loading, ready, draining, device_error };
std::string_view to_string(Readiness readiness);

// Which jobs to list: those of `tenant`, newest first.
struct JobQuery {
  std::string tenant{};
  std::optional<JobState> state{};
  int limit = 20;
  JobId after{};  // continue behind this job; "" from the newest
};

struct JobPage {
  std::vector<JobSnapshot> jobs;
  bool has_more = false;
};

class Engine {
 public:
  virtual ~Engine() = default;

  // Null until the model has loaded; the same object from then on.
  virtual std::shared_ptr<const Capabilities> capabilities() const = 0;

  virtual SubmitResult submit(ValidRequest request, SubmitOptions options) = 0;

  // nullopt: no such job, or forgotten after the retention time.
  virtual std::optional<JobSnapshot> snapshot(const JobId& id) const = 0;

  // True for a job that there was and that retention has removed (410 rather than 404). Only the
  // last few thousand are remembered.
  virtual bool forgotten(const JobId& id) const = 0;

  // Waits until the job's version is above `seen_version`, it has ended, or `timeout` is over, and
  // returns its snapshot then.
  virtual std::optional<JobSnapshot> wait(const JobId& id, std::uint64_t seen_version,
                                          std::chrono::milliseconds timeout) const = 0;

  // The images of a job that succeeded, or those that a canceled one had finished; null when there
  // are none. May read a file; throws Error{store_unavailable} when that fails.
  virtual std::shared_ptr<const JobResult> result(const JobId& id) const = 0;

  // The newest preview of each image that has one; none once the job has ended.
  virtual std::vector<JobPreview> previews(const JobId& id) const = 0;

  // Idempotent. True: this call ended the job or will at the next step boundary.
  virtual bool cancel(const JobId& id) = 0;

  // Says that the caller who submitted the job and waited for it is gone. Cancels the job unless it
  // has an idempotency key or somebody follows it. True as for cancel().
  virtual bool abandon(const JobId& id) = 0;

  // Keeps the job from being abandoned while the token lives: for another caller that waits for it
  // or watches it. Null when there is no such job.
  virtual std::shared_ptr<const void> follow(const JobId& id) const = 0;

  virtual JobPage list(const JobQuery& query) const = 0;

  virtual QueueSnapshot queue() const = 0;

  // nullopt until the model has loaded.
  virtual std::optional<MemoryReport> memory() const = 0;
  virtual Readiness readiness() const = 0;

  // What serving counts, in Prometheus' text format 0.0.4 (http adds its own).
  virtual std::string metrics() const = 0;
};

}  // namespace bafa
