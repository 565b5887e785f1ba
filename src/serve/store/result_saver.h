// Brings finished pictures to the disk and takes old ones away, on a thread of its own: nobody who
// hands something over waits for the disk, least of all the worker. Owned by the engine; any
// thread. What it has written it removes again, at the latest in its destructor.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/thread_pool.h"
#include "serve/job.h"
#include "serve/metrics.h"
#include "serve/store/result_files.h"

namespace bafa::serve {

struct ResultSaverParts {
  Metrics& metrics;
  const Clock& clock;
  std::function<void(const Job&)> on_end;  // called once for each job that the saver ends
};

class ResultSaver {
 public:
  // So many jobs may wait for the disk; with more it is called unavailable.
  static constexpr std::size_t kMaxWaiting = 16;

  // Throws what ResultFiles throws. Begins to remove what an earlier process left.
  ResultSaver(const std::filesystem::path& state_dir, ResultSaverParts parts);
  ~ResultSaver();

  // Ends the job as `end` says when its pictures are on the disk, and as failed (disk_full,
  // store_unavailable) when they cannot be. `end.result` is there. Returns at once.
  void keep(const std::shared_ptr<Job>& job, const JobEnd& end);

  // Waits until everything that was handed over has ended. Nothing may be handed over after it.
  void finish() { thread_.finish(); }

 private:
  class File;

  void save(Job& job, JobEnd end);
  void end(Job& job, JobEnd end);
  void forget(const JobId& id) EXCLUDES(mutex_);
  void remove_forgotten() EXCLUDES(mutex_);
  void remove_leftovers();

  const ResultSaverParts parts_;
  const ResultFiles files_;
  Mutex mutex_;
  std::vector<JobId> forgotten_ GUARDED_BY(mutex_);
  ThreadPool thread_;  // last: its tasks use the rest
};

}  // namespace bafa::serve
