// The jobs that there are, and those that have ended, for as long as retention keeps them. Ended
// jobs are forgotten `ttl` after their end, and earlier, oldest end first, when together they hold
// more than `max_bytes` or are more than `max_jobs`; never one that waits or runs, that somebody
// follows, or that ended last. Any thread; pictures are freed outside the lock.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "bafa/config.h"
#include "bafa/engine.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "serve/job.h"

namespace bafa::serve {

class MemoryStore {
 public:
  static constexpr std::size_t kForgottenIds = 4096;  // how many removed ids are remembered

  MemoryStore(const ResultsConfig& config, const Clock& clock);

  // Also under its idempotency key, where it takes the place of an older job.
  void insert(std::shared_ptr<Job> job) EXCLUDES(mutex_);

  // Takes back an insert: the job was not accepted after all.
  void erase(const Job& job) EXCLUDES(mutex_);

  // To be called once for each job, when it has ended: retention begins.
  void ended(const Job& job) EXCLUDES(mutex_);

  // Null when there is none.
  std::shared_ptr<Job> find(const JobId& id) EXCLUDES(mutex_);
  std::shared_ptr<Job> find_key(const std::string& tenant, const std::string& idempotency_key)
      EXCLUDES(mutex_);

  // True when `id` was a job and retention has removed it (of the last kForgottenIds).
  bool forgotten(const JobId& id) EXCLUDES(mutex_);

  // Jobs of a tenant, newest first, older than `after` ("" for all; none when that is unknown).
  std::vector<std::shared_ptr<Job>> of_tenant(const std::string& tenant, const JobId& after)
      EXCLUDES(mutex_);

  std::uint64_t retained_bytes() EXCLUDES(mutex_);

  // Forgets what is due, for times when nobody asks for anything. The moment at which it should be
  // called again; nullopt: not before another job has ended.
  std::optional<MonotonicTime> sweep() EXCLUDES(mutex_);

 private:
  struct Ended {
    std::shared_ptr<Job> job;
    MonotonicTime at;
    std::uint64_t bytes = 0;
  };
  using TenantKey = std::pair<std::string, std::string>;  // tenant, idempotency key
  using NewestFirst = std::map<std::uint64_t, std::shared_ptr<Job>, std::greater<>>;  // by serial

  using Jobs = std::vector<std::shared_ptr<Job>>;

  void evict(Jobs& evicted) REQUIRES(mutex_);
  void forget(const Job& job) REQUIRES(mutex_);
  void unlink(const Job& job) REQUIRES(mutex_);

  const ResultsConfig config_;
  const Clock& clock_;
  Mutex mutex_;
  std::unordered_map<JobId, std::shared_ptr<Job>> jobs_ GUARDED_BY(mutex_);
  std::map<std::string, NewestFirst> tenants_ GUARDED_BY(mutex_);
  std::map<TenantKey, std::shared_ptr<Job>> keys_ GUARDED_BY(mutex_);
  std::list<Ended> ended_ GUARDED_BY(mutex_);  // oldest end first
  std::uint64_t ended_bytes_ GUARDED_BY(mutex_) = 0;
  std::deque<JobId> forgotten_ GUARDED_BY(mutex_);  // oldest first
  std::unordered_set<JobId> forgotten_ids_ GUARDED_BY(mutex_);
};

}  // namespace bafa::serve
