// Holds a worker between two calls, so that a test decides what is true at each step. Set as (part
// of) FakePipeline's hook: every call arrives at the gate and goes on when it is let through.
#pragma once

#include "base/mutex.h"

namespace bafa::test {

class Gate {
 public:
  // Called by the worker. Returns at once while the gate is open.
  void pass() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    ++arrived_;
    changed_.notify_all();
    ++held_;
    while (!open_ && allowed_ == 0) changed_.wait(mutex_);
    --held_;
    if (!open_) --allowed_;
  }

  // Returns when `calls` calls in all have arrived, the last of them perhaps still held.
  void wait_for_arrivals(int calls) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    while (arrived_ < calls) changed_.wait(mutex_);
  }

  void let_through(int calls) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    allowed_ += calls;
    changed_.notify_all();
  }

  // Holds the next call, and those after it, until the gate is opened again.
  void close() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    open_ = false;
  }

  // Returns when a call is being held.
  void wait_until_held() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    while (held_ == 0) changed_.wait(mutex_);
  }

  void open() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  int arrived_ GUARDED_BY(mutex_) = 0;
  int held_ GUARDED_BY(mutex_) = 0;
  int allowed_ GUARDED_BY(mutex_) = 0;
  bool open_ GUARDED_BY(mutex_) = false;
};

}  // namespace bafa::test
