#include "serve/job_engine.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "serve/job_id.h"
#include "serve/job_log.h"
#include "serve/scheduler.h"

namespace bafa::serve {

namespace {

using std::chrono::seconds;

constexpr seconds kRetryLoading{2};
constexpr seconds kRetryRestart{10};  // another process takes this one's place

seconds retry_after(double estimate_seconds) {
  return seconds{static_cast<int>(std::clamp(std::ceil(estimate_seconds), 1.0, 120.0))};
}

Work whole(const Job& job) {
  const Cost& cost = job.spec().cost;
  const int images = job.spec().request.params().count;
  return {.key = cost.batch_key,
          .image_steps = images * cost.steps,
          .encodes = images,
          .decodes = images};
}

// Ends whose cause passes with time are no answer to the request itself.
bool replays(const JobSnapshot& job) {
  if (job.state == JobState::succeeded) return true;
  if (job.state != JobState::failed) return false;
  return job.error->code == ErrorCode::generation_failed ||
         job.error->code == ErrorCode::non_finite_output;
}

ErrorCode code_of(Push verdict) {
  switch (verdict) {
    case Push::full: return ErrorCode::queue_full;
    case Push::tenant_full: return ErrorCode::tenant_limit;
    case Push::closed: return ErrorCode::draining;
    case Push::accepted: break;
  }
  CHECK(false);
}

AdmissionLimits limits_of(const MemoryReport& memory, const QueueConfig& queue) {
  return {.max_batch = queue.max_batch,
          .workspace_bytes = memory.workspace_bytes,
          .phases = memory.phases_take_turns ? Phases::one_at_a_time : Phases::mixed};
}

}  // namespace

JobEngine::JobEngine(PipelineFactory factory, EngineOptions options, const Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      metrics_(options_.version),
      saver_(make_saver()),
      store_(options_.results, clock),
      queue_(options_.queue.capacity),
      task_([this, factory = std::move(factory)] { work(factory); }),
      finished_(task_.get_future().share()) {}

JobEngine::~JobEngine() {
  stop();
  if (worker_.joinable()) worker_.join();
  if (saver_) saver_->finish();
}

void JobEngine::start() {
  CHECK(!worker_.joinable());
  worker_ = std::thread([this, task = std::move(task_)]() mutable {
    task();
    if (options_.on_finished) options_.on_finished();
  });
}

std::unique_ptr<ResultSaver> JobEngine::make_saver() {
  if (options_.results.state_dir.empty()) return nullptr;
  const auto on_end = [this](const Job& job) {
    settle(job);
    queue_.wake();  // the worker rests no longer than until this job is to be forgotten
  };
  return std::make_unique<ResultSaver>(options_.results.state_dir,
                                       ResultSaverParts{metrics_, clock_, on_end});
}

void JobEngine::work(const PipelineFactory& factory) { serve(load(factory)); }

Pipeline& JobEngine::load(const PipelineFactory& factory) {
  const MonotonicTime before = clock_.now();
  std::unique_ptr<Pipeline> loaded = factory();
  CHECK(loaded != nullptr);
  metrics_.model_loaded(std::chrono::duration<double>(clock_.now() - before).count());
  MutexLock lock(mutex_);
  capabilities_ = std::make_shared<const Capabilities>(loaded->capabilities());
  pipeline_ = std::move(loaded);
  if (readiness_ == Readiness::loading) readiness_ = Readiness::ready;
  return *pipeline_;
}

void JobEngine::serve(Pipeline& pipeline) {
  std::function<void(const std::shared_ptr<Job>&, const JobEnd&)> keep;
  if (saver_) keep = [this](const auto& job, const JobEnd& end) { saver_->keep(job, end); };
  Scheduler scheduler({.pipeline = pipeline,
                       .queue = queue_,
                       .pace = pace_,
                       .load = load_,
                       .metrics = metrics_,
                       .clock = clock_,
                       .on_end = [this](const Job& job) { settle(job); },
                       .keep = std::move(keep)},
                      {.limits = limits_of(pipeline.memory(), options_.queue),
                       .idle_after = options_.queue.idle_after});
  while (true) {
    const std::uint64_t seen = queue_.changes();
    const Turn turn = scheduler.turn();
    ++turns_;
    if (turn.next == Next::done) return;
    if (turn.next == Next::device_lost) {
      set_readiness(Readiness::device_error);
      queue_.close(clock_.now());
      scheduler.fail_all(*turn.error);
      throw Error(turn.error->code, turn.error->message);
    }
    if (turn.next != Next::rest) continue;
    queue_.wait(seen, rest_of(turn));
  }
}

std::optional<std::chrono::nanoseconds> JobEngine::rest_of(const Turn& turn) const {
  std::optional<std::chrono::nanoseconds> rest = options_.longest_rest;
  const MonotonicTime now = clock_.now();
  for (const auto& due : {turn.rest_until, store_.sweep()}) {
    if (due) rest = std::min<std::chrono::nanoseconds>(*due - now, rest.value_or(*due - now));
  }
  return rest;
}

void JobEngine::drain() {
  set_readiness(Readiness::draining);
  queue_.close(clock_.now() + options_.queue.drain_timeout);
}

void JobEngine::stop() {
  set_readiness(Readiness::draining);
  queue_.close(clock_.now());
}

// A lost device stays lost.
void JobEngine::set_readiness(Readiness readiness) {
  MutexLock lock(mutex_);
  if (readiness_ != Readiness::device_error) readiness_ = readiness;
}

std::shared_future<void> JobEngine::finished() const { return finished_; }

std::shared_ptr<const Capabilities> JobEngine::capabilities() const {
  MutexLock lock(mutex_);
  return capabilities_;
}

SubmitResult JobEngine::submit(ValidRequest request, SubmitOptions options) {
  const Pipeline* pipeline = nullptr;
  Readiness readiness = Readiness::loading;
  {
    MutexLock lock(mutex_);
    readiness = readiness_;
    pipeline = pipeline_.get();
  }
  if (readiness == Readiness::loading) return refuse(ErrorCode::loading);
  if (readiness == Readiness::draining) return refuse(ErrorCode::draining);
  if (readiness == Readiness::device_error) return refuse(ErrorCode::device_error);

  const Cost cost = pipeline->cost(request);
  if (cost.budget_bytes != 0 && cost.needed_bytes > cost.budget_bytes) {
    return refuse_too_large(request.params(), cost);
  }
  std::optional<MonotonicTime> start_deadline;
  const auto start_timeout = options.start_timeout.value_or(options_.queue.start_timeout);
  if (start_timeout.count() > 0) start_deadline = clock_.now() + start_timeout;

  MutexLock lock(submit_mutex_);
  if (std::optional<SubmitResult> earlier = repeat(options)) return *earlier;
  const auto job = std::make_shared<Job>(JobSpec{.id = new_job_id(),
                                                 .serial = next_serial_++,
                                                 .request = std::move(request),
                                                 .options = std::move(options),
                                                 .cost = cost,
                                                 .start_deadline = start_deadline},
                                         clock_);
  // Into the store first: the worker may end it before push returns.
  store_.insert(job);
  const Push verdict = queue_.try_push(job);
  if (verdict == Push::accepted) return Accepted{.id = job->spec().id};
  store_.erase(*job);
  return refuse(code_of(verdict));
}

// The answer when the tenant has used this idempotency key before; nullopt when this is a new job.
std::optional<SubmitResult> JobEngine::repeat(const SubmitOptions& options) {
  if (!options.idempotency) return std::nullopt;
  const auto first = store_.find_key(options.tenant, options.idempotency->key);
  if (!first) return std::nullopt;
  if (first->spec().options.idempotency->fingerprint != options.idempotency->fingerprint) {
    return refuse(ErrorCode::idempotency_mismatch);
  }
  const JobSnapshot job = first->snapshot();
  if (!is_end(job.state)) return Accepted{.id = job.id, .how = Acceptance::joined};
  if (replays(job)) return Accepted{.id = job.id, .how = Acceptance::replayed};
  return std::nullopt;
}

Refusal JobEngine::refuse(ErrorCode code) {
  metrics_.rejected(code);
  // The next place is free when the next running job has ended.
  const seconds next_place = retry_after(load_.remaining_seconds / std::max<int>(load_.jobs, 1));
  const std::string in_seconds = std::to_string(next_place.count()) + " s.";
  switch (code) {
    case ErrorCode::loading:
      return {code, "The model is still loading. Try again in a moment.", kRetryLoading};
    case ErrorCode::draining:
      return {code, "The server is shutting down. Try again later.", kRetryRestart};
    case ErrorCode::device_error:
      return {code, "The device has failed and the server is about to restart.", kRetryRestart};
    case ErrorCode::idempotency_mismatch:
      return {code, "This idempotency key was used before with another body. Use a new key.",
              seconds{1}};
    case ErrorCode::tenant_limit:
      return {code, "Too many of your jobs are waiting. Try again in about " + in_seconds,
              next_place};
    default:
      CHECK(code == ErrorCode::queue_full);
      return {code,
              "The queue is full: " + std::to_string(queue_.capacity()) +
                  " jobs are waiting. Try again in about " + in_seconds,
              next_place};
  }
}

// No time will help.
Refusal JobEngine::refuse_too_large(const GenerationParams& params, const Cost& cost) {
  metrics_.rejected(ErrorCode::unsupported_size);
  return {ErrorCode::unsupported_size,
          "A picture of " + std::to_string(params.width) + "x" + std::to_string(params.height) +
              " takes at least " + shown_bytes(cost.needed_bytes) +
              " of memory, and this server may use " + shown_bytes(cost.budget_bytes) +
              " (memory.budget_bytes). Ask for a smaller one.",
          seconds{120}};
}

std::optional<JobSnapshot> JobEngine::snapshot(const JobId& id) const {
  const auto job = store_.find(id);
  if (!job) return std::nullopt;
  return with_position(*job, job->snapshot());
}

bool JobEngine::forgotten(const JobId& id) const { return store_.forgotten(id); }

std::optional<JobSnapshot> JobEngine::wait(const JobId& id, std::uint64_t seen_version,
                                           std::chrono::milliseconds timeout) const {
  const auto job = store_.find(id);
  if (!job) return std::nullopt;
  return with_position(*job, job->wait(seen_version, timeout));
}

JobSnapshot JobEngine::with_position(const Job& job, JobSnapshot snapshot) const {
  if (snapshot.state != JobState::queued) return snapshot;
  snapshot.position = 1;  // where it was, should it start at this moment
  snapshot.eta_seconds = load_.remaining_seconds;
  double ahead_seconds = 0;
  int position = 0;
  for (const auto& waiting : queue_.waiting()) {
    ++position;
    ahead_seconds += pace_.seconds(whole(*waiting));
    if (waiting.get() != &job) continue;
    snapshot.position = position;
    snapshot.eta_seconds += ahead_seconds;
    break;
  }
  return snapshot;
}

std::shared_ptr<const JobResult> JobEngine::result(const JobId& id) const {
  const auto job = store_.find(id);
  return job ? job->result() : nullptr;
}

std::vector<JobPreview> JobEngine::previews(const JobId& id) const {
  const auto job = store_.find(id);
  return job ? job->previews() : std::vector<JobPreview>{};
}

bool JobEngine::cancel(const JobId& id) {
  const auto job = store_.find(id);
  return job && cancel_job(*job, {ErrorCode::canceled, "The job was canceled."});
}

bool JobEngine::abandon(const JobId& id) {
  const auto job = store_.find(id);
  if (!job || job->spec().options.idempotency || job->followed()) return false;
  return cancel_job(*job, {ErrorCode::canceled, "The client that waited for the job went away."});
}

bool JobEngine::cancel_job(Job& job, JobError reason) {
  switch (job.cancel(std::move(reason))) {
    case Cancel::ended:
      queue_.remove(job, Leave::ended);
      settle(job);
      return true;
    case Cancel::will_end: queue_.wake(); return true;
    case Cancel::too_late: return false;
  }
  CHECK(false);
}

std::shared_ptr<const void> JobEngine::follow(const JobId& id) const {
  const auto job = store_.find(id);
  return job ? job->follow() : nullptr;
}

// Once for each job, by whoever has ended it.
void JobEngine::settle(const Job& job) {
  const JobSnapshot ended = job.snapshot();
  const double e2e_seconds = std::chrono::duration<double>(clock_.now() - job.created()).count();
  metrics_.job_ended(ended, e2e_seconds);
  store_.ended(job);
  log_job(ended, {.request_id = job.spec().options.request_id, .e2e_seconds = e2e_seconds});
}

JobPage JobEngine::list(const JobQuery& query) const {
  JobPage page;
  for (const auto& job : store_.of_tenant(query.tenant, query.after)) {
    if (query.state && job->state() != *query.state) continue;
    if (static_cast<int>(page.jobs.size()) == query.limit) {
      page.has_more = true;
      break;
    }
    page.jobs.push_back(with_position(*job, job->snapshot()));
  }
  return page;
}

QueueSnapshot JobEngine::queue() const {
  QueueSnapshot snapshot{.depth = 0,
                         .capacity = queue_.capacity(),
                         .running = load_.jobs,
                         .eta_seconds = load_.remaining_seconds};
  for (const auto& waiting : queue_.waiting()) {
    ++snapshot.depth;
    snapshot.eta_seconds += pace_.seconds(whole(*waiting));
  }
  return snapshot;
}

std::optional<MemoryReport> JobEngine::memory() const {
  const Pipeline* pipeline = nullptr;
  {
    MutexLock lock(mutex_);
    pipeline = pipeline_.get();
  }
  if (pipeline == nullptr) return std::nullopt;
  return pipeline->memory();
}

Readiness JobEngine::readiness() const {
  MutexLock lock(mutex_);
  return readiness_;
}

std::string JobEngine::metrics() const {
  return metrics_.text({.queue_depth = queue_.depth_by_priority(),
                        .queue_capacity = queue_.capacity(),
                        .jobs_running = load_.jobs,
                        .results_bytes = store_.retained_bytes(),
                        .ready = readiness() == Readiness::ready,
                        .memory = memory()});
}

}  // namespace bafa::serve
