#include "base/thread_pool.h"

#include <pthread.h>

#include <utility>

#include "base/check.h"

namespace bafa {

ThreadPool::ThreadPool(std::string name, int threads, std::size_t max_waiting)
    : name_(std::move(name)), max_waiting_(max_waiting) {
  CHECK(threads > 0);
  threads_.reserve(static_cast<std::size_t>(threads));
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this, i] { run(i); });
}

ThreadPool::~ThreadPool() { finish(); }

void ThreadPool::finish() {
  {
    const MutexLock lock(mutex_);
    closing_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

bool ThreadPool::try_submit(std::function<void()> task) {
  {
    const MutexLock lock(mutex_);
    if (closing_ || waiting_.size() >= max_waiting_) return false;
    waiting_.push_back(std::move(task));
  }
  wake_.notify_one();
  return true;
}

void ThreadPool::run(int index) {
  constexpr std::size_t kMaxNameBytes = 15;  // the kernel's limit
  const std::string suffix = "-" + std::to_string(index);
  const std::string name = name_.substr(0, kMaxNameBytes - suffix.size()) + suffix;
  pthread_setname_np(pthread_self(), name.c_str());
  while (true) {
    std::function<void()> task;
    {
      const MutexLock lock(mutex_);
      while (waiting_.empty() && !closing_) wake_.wait(mutex_);
      if (waiting_.empty()) return;
      task = std::move(waiting_.front());
      waiting_.pop_front();
    }
    task();
  }
}

}  // namespace bafa
