#include "serve/scheduler.h"

#include <algorithm>
#include <new>
#include <string>
#include <utility>

#include "bafa/error.h"
#include "base/check.h"
#include "base/log.h"

namespace bafa::serve {

namespace {

JobError draining_error() {
  return {ErrorCode::draining, "The server is shutting down. Send the request again later."};
}

JobError expired_error() {
  return {ErrorCode::queue_timeout,
          "The job did not start within the time it was given (timeout). Allow more time or try "
          "again when the queue is shorter."};
}

double& seconds_of(JobTimings& timings, Phase phase) {
  switch (phase) {
    case Phase::encode: return timings.encode_seconds;
    case Phase::denoise: return timings.denoise_seconds;
    case Phase::decode: return timings.decode_seconds;
    case Phase::save: break;
  }
  CHECK(false);
}

}  // namespace

Scheduler::Scheduler(SchedulerParts parts, SchedulerOptions options)
    : parts_(std::move(parts)), options_(options), last_call_(parts_.clock.now()) {}

// The one catch site round a job.
template <typename Call>
Scheduler::Attempt Scheduler::attempt(Call&& call) {
  const MonotonicTime before = parts_.clock.now();
  Attempt outcome;
  try {
    call();
  } catch (const Error& error) {
    outcome.error = JobError{error.code(), error.what()};
  } catch (const std::bad_alloc&) {
    outcome.error = JobError{ErrorCode::out_of_memory, "The server ran out of memory."};
  } catch (const std::exception& error) {
    log(spdlog::level::err, LogLine("model.failed").add("reason", error.what()));
    outcome.error = JobError{ErrorCode::generation_failed, "Painting failed inside the model."};
  }
  last_call_ = parts_.clock.now();
  outcome.seconds = std::chrono::duration<double>(last_call_ - before).count();
  if (outcome.error && outcome.error->code == ErrorCode::device_error) device_lost_ = outcome.error;
  return outcome;
}

Turn Scheduler::turn() {
  const Decision decision = decide(look(), options_.limits);
  for (const Drop& drop : decision.drop) this->drop(drop);
  if (!decision.finish.empty()) {
    finish(decision.finish);
  } else if (!decision.begin.empty()) {
    begin(decision.begin);
  } else if (!decision.step.empty()) {
    step(decision.step);
  } else if (decision.drop.empty()) {
    return rest();
  }
  waiting_.clear();
  publish_load();
  if (device_lost_) return {.next = Next::device_lost, .rest_until = {}, .error = device_lost_};
  return {};
}

Situation Scheduler::look() {
  Situation situation;
  situation.now = parts_.clock.now();
  // Before the waiting jobs: what closes the queue then finds all of them here.
  situation.running_until = parts_.queue.running_until();
  running_.describe(situation);
  waiting_ = parts_.queue.waiting();
  for (const auto& job : waiting_) {
    const JobSpec& spec = job->spec();
    situation.waiting.push_back({.job = spec.serial,
                                 .images = spec.request.params().count,
                                 .key = spec.cost.batch_key,
                                 .workspace_bytes = spec.cost.workspace_bytes,
                                 .start_deadline = spec.start_deadline});
  }
  return situation;
}

void Scheduler::drop(const Drop& drop) {
  const JobError reason = drop.reason == DropReason::expired ? expired_error() : draining_error();
  if (running_.contains(drop.job)) {
    // Canceled by its caller, the job knows its own reason.
    end(drop.job, JobState::canceled, reason);
    return;
  }
  const std::shared_ptr<Job> job = waiting_job(drop.job);
  const JobState state =
      drop.reason == DropReason::expired ? JobState::expired : JobState::canceled;
  end_waiting(job, {.state = state, .error = reason, .result = nullptr});
}

// When its caller has canceled it at this moment, only the place in the queue is left to give back.
void Scheduler::end_waiting(const std::shared_ptr<Job>& job, JobEnd end) {
  const bool ended = job->end(std::move(end));
  parts_.queue.remove(*job, Leave::ended);
  if (ended) parts_.on_end(*job);
}

void Scheduler::begin(const std::vector<ImageRef>& chosen) {
  const std::vector<ImageRef> images = start_jobs(chosen);
  if (images.empty()) return;
  enter(Phase::encode, images);
  std::vector<ImageTask> tasks;
  for (const ImageRef& image : images) {
    tasks.push_back({&running_.job(image.job).job->spec().request, image.index});
  }
  std::vector<std::unique_ptr<Generation>> generations;
  const Attempt outcome = attempt([&] { generations = parts_.pipeline.begin(tasks); });
  add_time(Phase::encode, images, outcome.seconds);
  if (outcome.error) return recover(Phase::encode, images, *outcome.error);
  CHECK(generations.size() == images.size());
  for (std::size_t i = 0; i < images.size(); ++i) adopt(images[i], std::move(generations[i]));
  trust_again(images);
  parts_.pace.observe_encode(static_cast<int>(images.size()), outcome.seconds);
  report(images);
}

// Starts the waiting jobs among the images'; leaves out those that ended before they could start.
std::vector<ImageRef> Scheduler::start_jobs(const std::vector<ImageRef>& images) {
  for (const std::uint64_t serial : RunningJobs::jobs_of(images)) {
    if (running_.contains(serial)) continue;
    const std::shared_ptr<Job> job = waiting_job(serial);
    const bool started = job->start();
    parts_.queue.remove(*job, started ? Leave::started : Leave::ended);
    if (!started) continue;
    parts_.metrics.job_started(job->snapshot().timings.queue_wait_seconds);
    running_.add(job);
  }
  std::vector<ImageRef> started;
  std::copy_if(images.begin(), images.end(), std::back_inserter(started),
               [&](const ImageRef& image) { return running_.contains(image.job); });
  return started;
}

std::shared_ptr<Job> Scheduler::waiting_job(std::uint64_t serial) const {
  const auto found = std::find_if(waiting_.begin(), waiting_.end(),
                                  [&](const auto& job) { return job->spec().serial == serial; });
  CHECK(found != waiting_.end());
  return *found;
}

void Scheduler::adopt(const ImageRef& image, std::unique_ptr<Generation> generation) {
  RunningJob& running = running_.job(image.job);
  running.progress.prompt_tokens = generation->prompt_tokens();
  running.progress.prompt_truncated = generation->prompt_truncated();
  running_.picture(image).generation = std::move(generation);
  running_.open_lane(running_.key(image));
}

void Scheduler::step(const std::vector<ImageRef>& images) {
  enter(Phase::denoise, images);
  const std::vector<Generation*> generations = running_.generations(images);
  const Attempt outcome = attempt([&] { parts_.pipeline.step(generations); });
  add_time(Phase::denoise, images, outcome.seconds);
  const BatchKey key = running_.key(images.front());
  running_.charge_lane(key, outcome.seconds);
  if (outcome.error) return recover(Phase::denoise, images, *outcome.error);
  const int count = static_cast<int>(images.size());
  for (const ImageRef& image : images) ++running_.job(image.job).progress.step;
  for (const std::uint64_t serial : RunningJobs::jobs_of(images)) {
    running_.job(serial).count_step(count);
  }
  trust_again(images);
  parts_.metrics.stepped(count, outcome.seconds);
  parts_.pace.observe_step(key, count, outcome.seconds);
  show_previews(images);
  report(images);
}

// A preview that fails is no reason to fail the job.
void Scheduler::show_previews(const std::vector<ImageRef>& images) {
  if (!parts_.pipeline.capabilities().previews) return;
  for (const ImageRef& image : images) {
    RunningJob& running = running_.job(image.job);
    const Generation& generation = *running_.picture(image).generation;
    const int step = generation.steps_done();
    if (!preview_due(step, generation.steps_total(), running.job->spec().options.previews)) {
      continue;
    }
    auto preview = std::make_shared<Image>();
    const Attempt outcome = attempt([&] { *preview = parts_.pipeline.preview(generation); });
    if (device_lost_) return;
    if (outcome.error) {
      log(spdlog::level::warn, LogLine("preview.failed")
                                   .add("job", running.job->spec().id)
                                   .add("reason", outcome.error->message));
      continue;
    }
    running.job->add_preview({.image_index = image.index, .step = step, .image = preview});
  }
}

void Scheduler::finish(const std::vector<ImageRef>& images) {
  enter(Phase::decode, images);
  const std::vector<Generation*> generations = running_.generations(images);
  std::vector<Image> painted;
  const Attempt outcome = attempt([&] { painted = parts_.pipeline.finish(generations); });
  add_time(Phase::decode, images, outcome.seconds);
  if (outcome.error) return recover(Phase::decode, images, *outcome.error);
  CHECK(painted.size() == images.size());
  for (std::size_t i = 0; i < images.size(); ++i) {
    Picture& picture = running_.picture(images[i]);
    picture.image = std::move(painted[i]);
    picture.generation.reset();
  }
  trust_again(images);
  parts_.pace.observe_decode(running_.key(images.front()), static_cast<int>(images.size()),
                             outcome.seconds);
  report(images);
  for (const std::uint64_t serial : RunningJobs::jobs_of(images)) {
    if (running_.job(serial).complete()) end(serial, JobState::succeeded, std::nullopt);
  }
}

Turn Scheduler::rest() {
  waiting_.clear();
  if (parts_.queue.running_until() && parts_.queue.depth() == 0) {
    return {.next = Next::done, .rest_until = {}, .error = {}};
  }
  Turn turn{.next = Next::rest, .rest_until = {}, .error = {}};
  if (idle_called_) return turn;
  const MonotonicTime quiet_from = last_call_ + options_.idle_after;
  if (parts_.clock.now() < quiet_from) {
    turn.rest_until = quiet_from;
    return turn;
  }
  const Attempt outcome = attempt([&] { parts_.pipeline.idle(); });
  if (outcome.error) {
    log(spdlog::level::warn, LogLine("idle.failed").add("reason", outcome.error->message));
  }
  idle_called_ = true;
  if (device_lost_) return {.next = Next::device_lost, .rest_until = {}, .error = device_lost_};
  return turn;
}

void Scheduler::enter(Phase phase, std::span<const ImageRef> images) {
  idle_called_ = false;
  for (const std::uint64_t serial : RunningJobs::jobs_of(images)) {
    RunningJob& running = running_.job(serial);
    if (running.progress.phase == phase) continue;
    running.progress.phase = phase;
    running.job->report(running.progress);
  }
}

void Scheduler::add_time(Phase phase, std::span<const ImageRef> images, double seconds) {
  for (const std::uint64_t serial : RunningJobs::jobs_of(images)) {
    seconds_of(running_.job(serial).progress.timings, phase) += seconds;
  }
}

// What succeeded alone may join others again, unless company was what it ran out of memory in.
void Scheduler::trust_again(std::span<const ImageRef> images) {
  for (const ImageRef& image : images) {
    Picture& picture = running_.picture(image);
    picture.alone = picture.stays_alone;
  }
}

void Scheduler::recover(Phase phase, const std::vector<ImageRef>& images, const JobError& error) {
  if (device_lost_) return;
  const bool out_of_memory = error.code == ErrorCode::out_of_memory;
  if (out_of_memory) parts_.metrics.out_of_memory(phase);
  log(spdlog::level::warn, LogLine(std::string(to_string(phase)) + ".failed")
                               .add("images", images.size())
                               .add("code", to_string(error.code))
                               .add("reason", error.message));
  const bool in_company = images.size() > 1;
  if (!in_company && !(out_of_memory && !running_.picture(images.front()).alone)) {
    end(images.front().job, JobState::failed, error);
    return;
  }
  if (out_of_memory) attempt([&] { parts_.pipeline.idle(); });
  for (const ImageRef& image : images) {
    Picture& picture = running_.picture(image);
    picture.alone = true;
    picture.stays_alone = picture.stays_alone || out_of_memory;
  }
  parts_.metrics.retried(static_cast<int>(images.size()));
  for (const std::uint64_t serial : RunningJobs::jobs_of(images)) {
    ++running_.job(serial).progress.attempts;
  }
  report(images);
}

void Scheduler::end(std::uint64_t serial, JobState state, std::optional<JobError> error) {
  RunningJob& running = running_.job(serial);
  const std::shared_ptr<Job> job = running.job;
  std::shared_ptr<const JobResult> result;
  if (state != JobState::failed) result = running.take_result();
  JobProgress progress = running.progress;
  progress.phase = Phase::save;
  running_.remove(serial);
  JobEnd end{.state = state, .error = std::move(error), .result = std::move(result)};
  if (end.result && parts_.keep) {
    job->report(progress);
    return parts_.keep(job, end);
  }
  const bool ended = job->end(std::move(end));
  CHECK(ended);  // a running job is ended by the worker alone
  parts_.on_end(*job);
}

void Scheduler::fail_all(const JobError& error) {
  while (!running_.all().empty()) {
    end(running_.all().front().job->spec().serial, JobState::failed, error);
  }
  for (const auto& job : parts_.queue.waiting()) {
    end_waiting(job, {.state = JobState::failed, .error = error, .result = nullptr});
  }
  publish_load();
}

void Scheduler::report(std::span<const ImageRef> images) {
  for (const std::uint64_t serial : RunningJobs::jobs_of(images)) {
    RunningJob& running = running_.job(serial);
    running.progress.eta_seconds = running_.remaining_seconds(running, parts_.pace);
    running.job->report(running.progress);
  }
}

void Scheduler::publish_load() {
  parts_.load.jobs = static_cast<int>(running_.all().size());
  parts_.load.remaining_seconds = running_.remaining_seconds(parts_.pace);
}

}  // namespace bafa::serve
