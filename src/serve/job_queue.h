// The bounded queue of waiting jobs, in the order in which they would start. Any thread pushes and
// removes; the one worker looks, takes from the front and sleeps here. Never blocks a pusher.
//
// Order: weighted fair queueing in the unit "one picture". A job's tag is where it would start if
// every tenant with waiting jobs were served in turn: max(served so far, end of the tenant's last
// job). A higher priority is a head start of kHeadStart pictures, not a separate class, so that a
// job is overtaken by a bounded number of others however busy the server is (ageing), and a
// tenant's flood queues up behind itself. Tags never change while a job waits. (A. Demers, S.
// Keshav, S. Shenker, "Analysis and simulation of a fair queueing algorithm", 1989.)
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "serve/job.h"

namespace bafa::serve {

enum class Push { accepted, full, tenant_full, closed };

enum class Leave {
  started,  // its turn has come: counts as service of its tenant
  ended,    // canceled or expired while it waited: costs its tenant nothing
};

class JobQueue {
 public:
  static constexpr double kHeadStart = 8;  // pictures, for each level of priority

  explicit JobQueue(int capacity);

  Push try_push(std::shared_ptr<Job> job) EXCLUDES(mutex_);

  // False when the job is not waiting here.
  bool remove(const Job& job, Leave why) EXCLUDES(mutex_);

  std::vector<std::shared_ptr<Job>> waiting() const EXCLUDES(mutex_);

  // 1 = next to start; 0: not waiting.
  int position(const Job& job) const EXCLUDES(mutex_);

  int capacity() const { return capacity_; }
  int depth() const EXCLUDES(mutex_);
  std::array<int, 3> depth_by_priority() const EXCLUDES(mutex_);  // low, normal, high

  // From now on every push is refused, and running jobs may go on until `running_until`. A second
  // call can only make that earlier. Jobs that wait stay for the worker to end. Wakes the worker.
  void close(MonotonicTime running_until) EXCLUDES(mutex_);

  // Set once closed.
  std::optional<MonotonicTime> running_until() const EXCLUDES(mutex_);

  // The worker's sleep. changes() grows with every push, removal, close and wake(); wait() returns
  // when it differs from `seen` or after `timeout` (none: as long as it takes).
  std::uint64_t changes() const EXCLUDES(mutex_);
  void wait(std::uint64_t seen, std::optional<std::chrono::nanoseconds> timeout) EXCLUDES(mutex_);
  void wake() EXCLUDES(mutex_);

 private:
  struct Entry {
    double key = 0;  // tag less head start: the smallest starts first
    double tag = 0;
    std::shared_ptr<Job> job;
  };
  struct Tenant {
    int waiting = 0;
    double end_tag = 0;  // where its next job's tag may begin
  };

  Push judge(const SubmitOptions& options) const REQUIRES(mutex_);
  void insert(std::shared_ptr<Job> job) REQUIRES(mutex_);
  void serve(double pictures) REQUIRES(mutex_);
  std::vector<std::shared_ptr<Job>> behind(std::size_t index) const REQUIRES(mutex_);
  void changed() REQUIRES(mutex_);

  const int capacity_;
  mutable Mutex mutex_;
  CondVar wake_;
  std::vector<Entry> entries_ GUARDED_BY(mutex_);  // sorted by key, then by arrival
  std::map<std::string, Tenant> tenants_ GUARDED_BY(mutex_);
  double served_ GUARDED_BY(mutex_) = 0;  // pictures each busy tenant has been served: virtual time
  std::optional<MonotonicTime> running_until_ GUARDED_BY(mutex_);
  std::uint64_t changes_ GUARDED_BY(mutex_) = 0;
};

}  // namespace bafa::serve
