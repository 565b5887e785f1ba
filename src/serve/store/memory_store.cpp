#include "serve/store/memory_store.h"

#include <algorithm>
#include <iterator>

#include "base/check.h"

namespace bafa::serve {

MemoryStore::MemoryStore(const ResultsConfig& config, const Clock& clock)
    : config_(config), clock_(clock) {}

void MemoryStore::insert(std::shared_ptr<Job> job) {
  MutexLock lock(mutex_);
  const JobSpec& spec = job->spec();
  if (spec.options.idempotency) {
    keys_[{spec.options.tenant, spec.options.idempotency->key}] = job;
  }
  tenants_[spec.options.tenant].emplace(spec.serial, job);
  const bool added = jobs_.emplace(spec.id, std::move(job)).second;
  CHECK(added);
}

void MemoryStore::erase(const Job& job) {
  MutexLock lock(mutex_);
  unlink(job);
}

void MemoryStore::ended(const Job& job) {
  const std::uint64_t bytes = job.retained_bytes();
  Jobs evicted;  // outlives the lock, as in every function below
  MutexLock lock(mutex_);
  const auto found = jobs_.find(job.spec().id);
  if (found == jobs_.end()) return;  // canceled while it was being refused
  ended_.push_back({.job = found->second, .at = clock_.now(), .bytes = bytes});
  ended_bytes_ += bytes;
  evict(evicted);
}

std::shared_ptr<Job> MemoryStore::find(const JobId& id) {
  Jobs evicted;
  MutexLock lock(mutex_);
  evict(evicted);
  const auto found = jobs_.find(id);
  return found == jobs_.end() ? nullptr : found->second;
}

std::shared_ptr<Job> MemoryStore::find_key(const std::string& tenant,
                                           const std::string& idempotency_key) {
  Jobs evicted;
  MutexLock lock(mutex_);
  evict(evicted);
  const auto found = keys_.find({tenant, idempotency_key});
  return found == keys_.end() ? nullptr : found->second;
}

bool MemoryStore::forgotten(const JobId& id) {
  Jobs evicted;
  MutexLock lock(mutex_);
  evict(evicted);
  return forgotten_ids_.contains(id);
}

std::vector<std::shared_ptr<Job>> MemoryStore::of_tenant(const std::string& tenant,
                                                         const JobId& after) {
  Jobs evicted;
  MutexLock lock(mutex_);
  evict(evicted);
  std::vector<std::shared_ptr<Job>> found;
  const auto jobs = tenants_.find(tenant);
  if (jobs == tenants_.end()) return found;
  auto next = jobs->second.begin();
  if (!after.empty()) {
    const auto last = jobs_.find(after);
    if (last == jobs_.end() || last->second->spec().options.tenant != tenant) return found;
    next = jobs->second.upper_bound(last->second->spec().serial);
  }
  for (; next != jobs->second.end(); ++next) found.push_back(next->second);
  return found;
}

std::uint64_t MemoryStore::retained_bytes() {
  Jobs evicted;
  MutexLock lock(mutex_);
  evict(evicted);
  return ended_bytes_;
}

std::optional<MonotonicTime> MemoryStore::sweep() {
  Jobs evicted;
  MutexLock lock(mutex_);
  evict(evicted);
  if (ended_.empty()) return std::nullopt;
  // What is due and still here is followed by somebody: it is looked at again after a while.
  constexpr std::chrono::seconds kLookAgain{10};
  return std::max(ended_.front().at + config_.ttl, clock_.now() + kLookAgain);
}

void MemoryStore::evict(Jobs& evicted) {
  const MonotonicTime now = clock_.now();
  for (auto oldest = ended_.begin(); oldest != ended_.end();) {
    const bool too_old = now - oldest->at >= config_.ttl;
    const bool over = ended_bytes_ > config_.max_bytes ||
                      ended_.size() > static_cast<std::size_t>(config_.max_jobs);
    const bool too_many = over && std::next(oldest) != ended_.end();
    if (!too_old && !too_many) return;
    if (oldest->job->followed()) {
      ++oldest;
      continue;
    }
    ended_bytes_ -= oldest->bytes;
    forget(*oldest->job);
    evicted.push_back(std::move(oldest->job));
    oldest = ended_.erase(oldest);
  }
}

void MemoryStore::forget(const Job& job) {
  const JobId id = job.spec().id;
  unlink(job);
  forgotten_.push_back(id);
  forgotten_ids_.insert(id);
  if (forgotten_.size() > kForgottenIds) {
    forgotten_ids_.erase(forgotten_.front());
    forgotten_.pop_front();
  }
}

void MemoryStore::unlink(const Job& job) {
  const JobSpec& spec = job.spec();
  if (spec.options.idempotency) {
    const auto key = keys_.find({spec.options.tenant, spec.options.idempotency->key});
    if (key != keys_.end() && key->second.get() == &job) keys_.erase(key);
  }
  if (const auto tenant = tenants_.find(spec.options.tenant); tenant != tenants_.end()) {
    tenant->second.erase(spec.serial);
    if (tenant->second.empty()) tenants_.erase(tenant);
  }
  jobs_.erase(spec.id);  // last: it may hold the job's last reference
}

}  // namespace bafa::serve
