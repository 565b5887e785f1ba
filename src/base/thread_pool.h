// A fixed number of threads that run tasks in the order given. Bounded: try_submit refuses rather
// than queues without end. A task must not throw. The destructor runs what was accepted, then
// joins.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace bafa {

class ThreadPool {
 public:
  ThreadPool(std::string name, int threads, std::size_t max_waiting);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // False when max_waiting tasks wait already, and once finish() was called.
  bool try_submit(std::function<void()> task) EXCLUDES(mutex_);

  // Runs what was accepted, then joins. Repeats are harmless; never from a task.
  void finish() EXCLUDES(mutex_);

 private:
  void run(int index) EXCLUDES(mutex_);

  const std::string name_;
  const std::size_t max_waiting_;
  Mutex mutex_;
  CondVar wake_;
  std::deque<std::function<void()>> waiting_ GUARDED_BY(mutex_);
  bool closing_ GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace bafa
