// How each job's result is to be handed over, as its submission said: the engine knows nothing of
// formats. Remembers the latest jobs only; the others have the defaults. Called from any thread.
#pragma once

#include <cstddef>
#include <deque>
#include <unordered_map>

#include "bafa/engine.h"
#include "base/mutex.h"
#include "http/generation_codec.h"

namespace bafa::http {

class JobOutputs {
 public:
  explicit JobOutputs(std::size_t max_jobs = 10'000) : max_jobs_(max_jobs) {}

  void remember(const JobId& id, const OutputOptions& output) EXCLUDES(mutex_);
  OutputOptions of(const JobId& id) const EXCLUDES(mutex_);

 private:
  const std::size_t max_jobs_;
  mutable Mutex mutex_;
  std::unordered_map<JobId, OutputOptions> outputs_ GUARDED_BY(mutex_);
  std::deque<JobId> by_age_ GUARDED_BY(mutex_);  // keys of outputs_, oldest first
};

}  // namespace bafa::http
