// Threads for handlers that may take their time: as many as there is work for, up to a maximum that
// the connection caps give, so that a task never waits behind another one's waiting. A few stay;
// the rest end when they have had nothing to do for a while. submit() is called from the listener's
// thread. A task must not throw.
#pragma once

#include <pthread.h>

#include <chrono>
#include <deque>
#include <functional>
#include <vector>

#include "base/mutex.h"

namespace bafa::http {

class HandlerThreads {
 public:
  HandlerThreads(int min_threads, int max_threads, std::chrono::milliseconds idle_timeout);
  ~HandlerThreads();  // runs what was submitted, then joins
  HandlerThreads(const HandlerThreads&) = delete;
  HandlerThreads& operator=(const HandlerThreads&) = delete;

  void submit(std::function<void()> task) EXCLUDES(mutex_);
  int count() const EXCLUDES(mutex_);

 private:
  static void* enter(void* self);
  void run() EXCLUDES(mutex_);
  bool wait_for_task() REQUIRES(mutex_);  // false: this thread is to end
  bool start_thread() REQUIRES(mutex_);
  void join_ended() REQUIRES(mutex_);

  const int min_threads_;
  const int max_threads_;
  const std::chrono::milliseconds idle_timeout_;
  mutable Mutex mutex_;
  CondVar wake_;
  CondVar thread_ended_;
  std::deque<std::function<void()>> tasks_ GUARDED_BY(mutex_);
  std::vector<pthread_t> ended_ GUARDED_BY(mutex_);  // left run(); to be joined
  int count_ GUARDED_BY(mutex_) = 0;                 // started and not in ended_
  int idle_ GUARDED_BY(mutex_) = 0;
  bool closing_ GUARDED_BY(mutex_) = false;
};

}  // namespace bafa::http
