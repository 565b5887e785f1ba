// What callers of the server can do with jobs. Implemented in serve, used by http and app. Every
// method may be called from any thread and returns without waiting for the device, except wait().
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "bafa/error.h"
#include "bafa/image.h"
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
inline bool is_end(JobState state) { return state != JobState::queued && state != JobState::running; }

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
  Phase phase = Phase::encode;       // meaningful while running
  int position = 0;                  // 1 = next to start; 0 once started
  double eta_seconds = 0;            // estimate until the end; 0 at an end
  int step = 0;                      // denoising steps done, over all images: 0..steps
  int steps = 0;
  int attempts = 0;
  GenerationParams params;
  WallTime created_at{};
  std::optional<WallTime> started_at;
  std::optional<WallTime> finished_at;
  std::optional<JobError> error;     // failed, canceled, expired
  JobTimings timings;
  bool prompt_truncated = false;
  int prompt_tokens = 0;
  std::uint64_t version = 0;         // grows with every change; see wait()
};

struct JobResult {
  std::vector<Image> images;         // in the order of seeds
};

// A preview of one image of a job, made between two steps.
struct JobPreview {
  int image_index = 0;
  int step = 0;                      // after this many steps of that image
  std::shared_ptr<const Image> image;
};

struct SubmitOptions {
  std::string tenant;                // the key's name; "" for the anonymous caller
  Priority priority = Priority::normal;
  std::optional<std::chrono::milliseconds> start_timeout;  // must have started by then, else expired
  int previews = 0;                  // 0..3 previews, spread evenly over the steps
};

// Why a request was not taken; retry_after is the server's own estimate.
struct Refusal {
  ErrorCode code = ErrorCode::queue_full;  // queue_full, tenant_limit, draining, loading, device_error
  std::string message;
  std::chrono::seconds retry_after{1};     // 1..120
};

using SubmitResult = std::variant<JobId, Refusal>;

struct QueueSnapshot {
  int depth = 0;                     // jobs waiting
  int capacity = 0;
  int running = 0;                   // jobs begun and not yet at an end
  double eta_seconds = 0;            // estimated wait of a job submitted now
};

enum class Readiness { loading, ready, draining, device_error };
std::string_view to_string(Readiness readiness);

class Engine {
 public:
  virtual ~Engine() = default;

  virtual SubmitResult submit(ValidRequest request, SubmitOptions options) = 0;

  // nullopt: no such job, or forgotten after the retention time.
  virtual std::optional<JobSnapshot> snapshot(const JobId& id) const = 0;

  // Waits until the job's version is above `seen_version`, it has ended, or `timeout` is over, and
  // returns its snapshot then.
  virtual std::optional<JobSnapshot> wait(const JobId& id, std::uint64_t seen_version,
                                          std::chrono::milliseconds timeout) const = 0;

  // The images of a job that succeeded; null otherwise.
  virtual std::shared_ptr<const JobResult> result(const JobId& id) const = 0;

  // The newest preview of each image that has one.
  virtual std::vector<JobPreview> previews(const JobId& id) const = 0;

  // Idempotent. True: this call ended the job or will at the next step boundary.
  virtual bool cancel(const JobId& id) = 0;

  // Newest first; only jobs of `tenant`.
  virtual std::vector<JobSnapshot> list(const std::string& tenant) const = 0;

  virtual QueueSnapshot queue() const = 0;
  virtual Readiness readiness() const = 0;
};

}  // namespace bafa
