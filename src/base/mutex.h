// std::mutex and std::condition_variable with the attributes of clang's thread-safety analysis, so
// that a field read without its lock does not compile there. On other compilers the attributes are
// nothing. Rule of the house: no lock is held across a model call.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define BAFA_THREAD_ANNOTATION(x) __attribute__((x))
#else
#define BAFA_THREAD_ANNOTATION(x)
#endif

#define GUARDED_BY(x) BAFA_THREAD_ANNOTATION(guarded_by(x))
#define REQUIRES(...) BAFA_THREAD_ANNOTATION(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) BAFA_THREAD_ANNOTATION(locks_excluded(__VA_ARGS__))

namespace bafa {

class BAFA_THREAD_ANNOTATION(capability("mutex")) Mutex {
 public:
  void lock() BAFA_THREAD_ANNOTATION(acquire_capability()) { mutex_.lock(); }
  void unlock() BAFA_THREAD_ANNOTATION(release_capability()) { mutex_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

class BAFA_THREAD_ANNOTATION(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) BAFA_THREAD_ANNOTATION(acquire_capability(mutex))
      : mutex_(mutex) {
    mutex_.lock();
  }
  ~MutexLock() BAFA_THREAD_ANNOTATION(release_capability()) { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// Wait in a loop that tests the condition: wake-ups may be spurious.
class CondVar {
 public:
  void wait(Mutex& mutex) REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }

  // False when `deadline` has passed.
  bool wait_until(Mutex& mutex, std::chrono::steady_clock::time_point deadline) REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    const bool in_time = condition_.wait_until(lock, deadline) == std::cv_status::no_timeout;
    lock.release();
    return in_time;
  }

  void notify_one() noexcept { condition_.notify_one(); }
  void notify_all() noexcept { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace bafa
