#include "serve/job_queue.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace bafa::serve {

namespace {

double head_start(Priority priority) {
  return JobQueue::kHeadStart * static_cast<double>(priority);
}

double pictures_of(const Job& job) {
  return static_cast<double>(job.spec().request.params().count);
}

void touch_all(const std::vector<std::shared_ptr<Job>>& jobs) {
  for (const auto& job : jobs) job->touch();
}

}  // namespace

JobQueue::JobQueue(int capacity) : capacity_(capacity) { CHECK(capacity >= 0); }

Push JobQueue::try_push(std::shared_ptr<Job> job) {
  std::vector<std::shared_ptr<Job>> overtaken;
  {
    MutexLock lock(mutex_);
    const Push verdict = judge(job->spec().options);
    if (verdict != Push::accepted) return verdict;
    const Job* added = job.get();
    insert(std::move(job));
    const auto place = std::find_if(entries_.begin(), entries_.end(),
                                    [&](const Entry& entry) { return entry.job.get() == added; });
    overtaken = behind(static_cast<std::size_t>(place - entries_.begin()) + 1);
    changed();
  }
  touch_all(overtaken);
  return Push::accepted;
}

bool JobQueue::remove(const Job& job, Leave why) {
  std::vector<std::shared_ptr<Job>> moved_up;
  {
    MutexLock lock(mutex_);
    const auto entry = std::find_if(entries_.begin(), entries_.end(),
                                    [&](const Entry& other) { return other.job.get() == &job; });
    if (entry == entries_.end()) return false;
    Tenant& tenant = tenants_[job.spec().options.tenant];
    if (why == Leave::started) {
      serve(pictures_of(job));
    } else if (tenant.end_tag == entry->tag + pictures_of(job)) {
      tenant.end_tag = entry->tag;  // its newest job: the place is given back
    }
    --tenant.waiting;
    const auto index = static_cast<std::size_t>(entry - entries_.begin());
    entries_.erase(entry);
    moved_up = behind(index);
    if (entries_.empty()) {
      tenants_.clear();
      served_ = 0;
    }
    std::erase_if(tenants_, [served = served_](const auto& item) {
      return item.second.waiting == 0 && item.second.end_tag <= served;
    });
    changed();
  }
  touch_all(moved_up);
  return true;
}

std::vector<std::shared_ptr<Job>> JobQueue::waiting() const {
  MutexLock lock(mutex_);
  return behind(0);
}

int JobQueue::position(const Job& job) const {
  MutexLock lock(mutex_);
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].job.get() == &job) return static_cast<int>(i) + 1;
  }
  return 0;
}

int JobQueue::depth() const {
  MutexLock lock(mutex_);
  return static_cast<int>(entries_.size());
}

std::array<int, 3> JobQueue::depth_by_priority() const {
  MutexLock lock(mutex_);
  std::array<int, 3> depth{};
  for (const Entry& entry : entries_) {
    ++depth[static_cast<std::size_t>(entry.job->spec().options.priority)];
  }
  return depth;
}

void JobQueue::close(MonotonicTime running_until) {
  MutexLock lock(mutex_);
  running_until_ = std::min(running_until_.value_or(running_until), running_until);
  changed();
}

std::optional<MonotonicTime> JobQueue::running_until() const {
  MutexLock lock(mutex_);
  return running_until_;
}

std::uint64_t JobQueue::changes() const {
  MutexLock lock(mutex_);
  return changes_;
}

void JobQueue::wait(std::uint64_t seen, std::optional<std::chrono::nanoseconds> timeout) {
  MutexLock lock(mutex_);
  if (!timeout) {
    while (changes_ == seen) wake_.wait(mutex_);
    return;
  }
  const auto deadline = std::chrono::steady_clock::now() + *timeout;
  while (changes_ == seen && wake_.wait_until(mutex_, deadline)) {
  }
}

void JobQueue::wake() {
  MutexLock lock(mutex_);
  changed();
}

Push JobQueue::judge(const SubmitOptions& options) const {
  if (running_until_) return Push::closed;
  const int free = capacity_ - static_cast<int>(entries_.size());
  if (free <= 0) return Push::full;
  const auto tenant = tenants_.find(options.tenant);
  const int held = tenant == tenants_.end() ? 0 : tenant->second.waiting;
  if (options.max_waiting > 0 && held >= options.max_waiting) return Push::tenant_full;
  if (options.shares_queue && held >= free) return Push::tenant_full;
  return Push::accepted;
}

void JobQueue::insert(std::shared_ptr<Job> job) {
  Tenant& tenant = tenants_[job->spec().options.tenant];
  Entry entry;
  entry.tag = std::max(served_, tenant.end_tag);
  entry.key = entry.tag - head_start(job->spec().options.priority);
  tenant.end_tag = entry.tag + pictures_of(*job);
  ++tenant.waiting;
  entry.job = std::move(job);
  const auto place =
      std::upper_bound(entries_.begin(), entries_.end(), entry.key,
                       [](double key, const Entry& other) { return key < other.key; });
  entries_.insert(place, std::move(entry));
}

// Every tenant with waiting jobs is owed its equal part of what the device has done.
void JobQueue::serve(double pictures) {
  const auto busy = std::count_if(tenants_.begin(), tenants_.end(),
                                  [](const auto& item) { return item.second.waiting > 0; });
  served_ += pictures / static_cast<double>(busy);
}

std::vector<std::shared_ptr<Job>> JobQueue::behind(std::size_t index) const {
  std::vector<std::shared_ptr<Job>> jobs;
  for (; index < entries_.size(); ++index) jobs.push_back(entries_[index].job);
  return jobs;
}

void JobQueue::changed() {
  ++changes_;
  wake_.notify_all();
}

}  // namespace bafa::serve
