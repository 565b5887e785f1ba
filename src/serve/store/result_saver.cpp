#include "serve/store/result_saver.h"

#include <chrono>
#include <exception>
#include <utility>

#include "bafa/error.h"
#include "base/log.h"

namespace bafa::serve {
namespace {

JobError error_of(ErrorCode cause) {
  if (cause == ErrorCode::disk_full) {
    return {ErrorCode::disk_full,
            "The server's disk is full, so the pictures could not be kept. Its operator has to "
            "make room there, or to let it keep less (results.max_bytes, results.ttl_seconds)."};
  }
  return {ErrorCode::store_unavailable,
          "The pictures could not be written to the server's disk; its log says why."};
}

// A canceled job stays what it is, without its pictures.
JobEnd without_pictures(const JobEnd& end, ErrorCode cause) {
  if (end.state == JobState::canceled) return {.state = end.state, .error = end.error};
  return {.state = JobState::failed, .error = error_of(cause)};
}

void log_failure(std::string_view event, std::string_view what, const std::exception& error) {
  log(spdlog::level::err, LogLine(event).add("job", what).add("reason", error.what()));
}

}  // namespace

// Lives as long as the job is remembered or somebody looks at it.
class ResultSaver::File final : public KeptResult {
 public:
  File(ResultSaver& saver, JobId id, std::uint64_t bytes)
      : saver_(saver), id_(std::move(id)), bytes_(bytes) {}
  ~File() override { saver_.forget(id_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  std::uint64_t bytes() const override { return bytes_; }

  // Those who ask at the same time share one copy.
  std::shared_ptr<const JobResult> load() const override {
    const MutexLock lock(mutex_);
    if (auto loaded = loaded_.lock()) return loaded;
    try {
      auto result = saver_.files_.read(id_);
      loaded_ = result;
      return result;
    } catch (const Error& error) {
      log_failure("result.unreadable", id_, error);
      throw Error(ErrorCode::store_unavailable,
                  "The pictures of this job could not be read from the server's disk; its log "
                  "says why.");
    }
  }

 private:
  ResultSaver& saver_;
  const JobId id_;
  const std::uint64_t bytes_;
  mutable Mutex mutex_;
  mutable std::weak_ptr<const JobResult> loaded_ GUARDED_BY(mutex_);
};

ResultSaver::ResultSaver(const std::filesystem::path& state_dir, ResultSaverParts parts)
    : parts_(std::move(parts)), files_(state_dir), thread_("results", 1, kMaxWaiting) {
  if (!files_.leftovers().empty()) thread_.try_submit([this] { remove_leftovers(); });
}

ResultSaver::~ResultSaver() {
  finish();
  remove_forgotten();
}

void ResultSaver::keep(const std::shared_ptr<Job>& job, const JobEnd& end) {
  const auto task = [this, job, end] {
    save(*job, end);
    remove_forgotten();
  };
  if (thread_.try_submit(task)) return;
  log(spdlog::level::err,
      LogLine("result.not_kept")
          .add("job", job->spec().id)
          .add("reason", "the disk is too slow: too many pictures wait for it"));
  this->end(*job, without_pictures(end, ErrorCode::store_unavailable));
}

void ResultSaver::save(Job& job, JobEnd end) {
  const JobId& id = job.spec().id;
  const MonotonicTime before = parts_.clock.now();
  try {
    const std::uint64_t bytes = files_.write(id, *end.result);
    end.kept = std::make_shared<File>(*this, id, bytes);
    end.result = nullptr;
  } catch (const Error& error) {
    log_failure("result.not_kept", id, error);
    end = without_pictures(end, error.code());
  } catch (const std::exception& error) {
    log_failure("result.not_kept", id, error);
    end = without_pictures(end, ErrorCode::store_unavailable);
  }
  parts_.metrics.stored(std::chrono::duration<double>(parts_.clock.now() - before).count());
  this->end(job, std::move(end));
}

void ResultSaver::end(Job& job, JobEnd end) {
  if (job.end(std::move(end))) parts_.on_end(job);
}

// When the thread has too much to do, whatever it does next removes the file too.
void ResultSaver::forget(const JobId& id) {
  {
    const MutexLock lock(mutex_);
    forgotten_.push_back(id);
  }
  thread_.try_submit([this] { remove_forgotten(); });
}

void ResultSaver::remove_forgotten() {
  std::vector<JobId> forgotten;
  {
    const MutexLock lock(mutex_);
    forgotten.swap(forgotten_);
  }
  for (const JobId& id : forgotten) {
    try {
      files_.remove(id);
    } catch (const Error& error) {
      log_failure("result.not_removed", id, error);
    }
  }
}

void ResultSaver::remove_leftovers() {
  log(spdlog::level::info, LogLine("results.leftover").add("files", files_.leftovers().size()));
  for (const std::filesystem::path& file : files_.leftovers()) {
    try {
      files_.remove(file);
    } catch (const Error& error) {
      log_failure("result.not_removed", file.filename().string(), error);
    }
  }
}

}  // namespace bafa::serve
