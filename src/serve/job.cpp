#include "serve/job.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace bafa::serve {

namespace {

bool allowed(JobState from, JobState to) {
  switch (from) {
    case JobState::queued: return to != JobState::queued && to != JobState::succeeded;
    case JobState::running:
      return to == JobState::succeeded || to == JobState::failed || to == JobState::canceled;
    default: return false;
  }
}

double seconds_between(MonotonicTime from, MonotonicTime to) {
  return std::chrono::duration<double>(to - from).count();
}

// A wait for longer than any caller means; keeps deadline arithmetic far from overflow.
constexpr std::chrono::milliseconds kLongestWait = std::chrono::hours{24};

}  // namespace

Job::Job(JobSpec spec, const Clock& clock)
    : spec_(std::move(spec)), clock_(clock), created_(clock.now()) {
  now_.id = spec_.id;
  now_.tenant = spec_.options.tenant;
  now_.params = spec_.request.params();
  now_.steps = spec_.cost.steps * now_.params.count;
  now_.created_at = clock.wall_now();
  now_.version = 1;
}

bool Job::start() {
  MutexLock lock(mutex_);
  if (is_end(now_.state)) return false;
  move_to(JobState::running);
  now_.attempts = 1;
  now_.started_at = clock_.wall_now();
  now_.timings.queue_wait_seconds = seconds_between(created_, clock_.now());
  changed();
  return true;
}

bool Job::end(JobEnd end) {
  MutexLock lock(mutex_);
  if (is_end(now_.state)) return false;
  finish(std::move(end));
  return true;
}

Cancel Job::cancel(JobError reason) {
  MutexLock lock(mutex_);
  if (is_end(now_.state)) return Cancel::too_late;
  if (now_.state == JobState::queued) {
    finish({.state = JobState::canceled, .error = std::move(reason), .result = nullptr});
    return Cancel::ended;
  }
  if (!cancel_reason_) cancel_reason_ = std::move(reason);
  return Cancel::will_end;
}

std::optional<JobError> Job::cancel_reason() const {
  MutexLock lock(mutex_);
  return cancel_reason_;
}

void Job::report(const JobProgress& progress) {
  MutexLock lock(mutex_);
  CHECK(now_.state == JobState::running);
  const double queue_wait_seconds = now_.timings.queue_wait_seconds;
  now_.phase = progress.phase;
  now_.step = progress.step;
  now_.attempts = progress.attempts;
  now_.prompt_tokens = progress.prompt_tokens;
  now_.prompt_truncated = progress.prompt_truncated;
  now_.eta_seconds = progress.eta_seconds;
  now_.mean_batch = progress.mean_batch;
  now_.timings = progress.timings;
  now_.timings.queue_wait_seconds = queue_wait_seconds;
  changed();
}

void Job::add_preview(JobPreview preview) {
  MutexLock lock(mutex_);
  CHECK(now_.state == JobState::running);
  const auto old = std::find_if(previews_.begin(), previews_.end(), [&](const JobPreview& other) {
    return other.image_index == preview.image_index;
  });
  if (old == previews_.end()) {
    previews_.push_back(std::move(preview));
  } else {
    *old = std::move(preview);
  }
  changed();
}

void Job::touch() {
  MutexLock lock(mutex_);
  if (!is_end(now_.state)) changed();
}

JobSnapshot Job::snapshot() const {
  MutexLock lock(mutex_);
  return now_;
}

JobSnapshot Job::wait(std::uint64_t seen_version, std::chrono::milliseconds timeout) const {
  const auto deadline = std::chrono::steady_clock::now() + std::min(timeout, kLongestWait);
  MutexLock lock(mutex_);
  while (now_.version <= seen_version && !is_end(now_.state)) {
    if (!news_.wait_until(mutex_, deadline)) break;
  }
  return now_;
}

JobState Job::state() const {
  MutexLock lock(mutex_);
  return now_.state;
}

std::shared_ptr<const JobResult> Job::result() const {
  std::shared_ptr<const KeptResult> kept;
  {
    MutexLock lock(mutex_);
    if (!kept_) return result_;
    kept = kept_;
  }
  return kept->load();
}

std::vector<JobPreview> Job::previews() const {
  MutexLock lock(mutex_);
  return previews_;
}

std::size_t Job::retained_bytes() const {
  MutexLock lock(mutex_);
  // The prompts are held twice: in the request and in the snapshot.
  const std::size_t prompt_bytes =
      now_.params.prompt.size() + now_.params.negative_prompt.value_or("").size();
  std::size_t bytes = sizeof(Job) + 2 * prompt_bytes;
  if (kept_) bytes += kept_->bytes();
  if (result_) {
    for (const Image& image : result_->images) bytes += image.rgb.size();
  }
  return bytes;
}

void Job::move_to(JobState next) {
  CHECK(allowed(now_.state, next));
  now_.state = next;
}

void Job::finish(JobEnd end) {
  if (cancel_reason_) {
    end.state = JobState::canceled;
    end.error = std::move(cancel_reason_);
    cancel_reason_.reset();
  }
  move_to(end.state);
  now_.error = std::move(end.error);
  now_.eta_seconds = 0;
  now_.finished_at = clock_.wall_now();
  result_ = std::move(end.result);
  kept_ = std::move(end.kept);
  previews_.clear();
  changed();
}

void Job::changed() {
  ++now_.version;
  news_.notify_all();
}

}  // namespace bafa::serve
