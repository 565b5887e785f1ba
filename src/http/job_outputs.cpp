#include "http/job_outputs.h"

namespace bafa::http {

void JobOutputs::remember(const JobId& id, const OutputOptions& output) {
  MutexLock lock(mutex_);
  if (!outputs_.insert_or_assign(id, output).second) return;
  by_age_.push_back(id);
  if (by_age_.size() <= max_jobs_) return;
  outputs_.erase(by_age_.front());
  by_age_.pop_front();
}

OutputOptions JobOutputs::of(const JobId& id) const {
  MutexLock lock(mutex_);
  const auto found = outputs_.find(id);
  return found == outputs_.end() ? OutputOptions{} : found->second;
}

}  // namespace bafa::http
