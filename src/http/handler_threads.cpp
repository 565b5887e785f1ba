#include "http/handler_threads.h"

#include "bafa/error.h"
#include "base/log.h"

namespace bafa::http {
namespace {

constexpr std::size_t kStackBytes = 1 << 20;

}  // namespace

HandlerThreads::HandlerThreads(int min_threads, int max_threads,
                               std::chrono::milliseconds idle_timeout)
    : min_threads_(min_threads), max_threads_(max_threads), idle_timeout_(idle_timeout) {
  const MutexLock lock(mutex_);
  while (count_ < min_threads_)
    if (!start_thread()) throw Error(ErrorCode::internal, "The system refuses to start a thread.");
}

HandlerThreads::~HandlerThreads() {
  const MutexLock lock(mutex_);
  closing_ = true;
  wake_.notify_all();
  while (count_ > 0) thread_ended_.wait(mutex_);
  join_ended();
}

int HandlerThreads::count() const {
  const MutexLock lock(mutex_);
  return count_;
}

void HandlerThreads::submit(std::function<void()> task) {
  const MutexLock lock(mutex_);
  join_ended();
  tasks_.push_back(std::move(task));
  // Every waiting task has its own idle thread to wake, or gets a new one.
  if (static_cast<int>(tasks_.size()) > idle_ && count_ < max_threads_) {
    if (!start_thread()) spdlog::warn("handler_thread refused count={}", count_);
  } else {
    wake_.notify_one();
  }
}

// pthread_create rather than std::thread: a refusal is a value here, and the stack can be small.
bool HandlerThreads::start_thread() {
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  ::pthread_attr_setstacksize(&attributes, kStackBytes);
  pthread_t thread{};
  const int error = ::pthread_create(&thread, &attributes, &HandlerThreads::enter, this);
  ::pthread_attr_destroy(&attributes);
  if (error == 0) ++count_;
  return error == 0;
}

void* HandlerThreads::enter(void* self) {
  static_cast<HandlerThreads*>(self)->run();
  return nullptr;
}

void HandlerThreads::join_ended() {
  for (const pthread_t thread : ended_) ::pthread_join(thread, nullptr);
  ended_.clear();
}

bool HandlerThreads::wait_for_task() {
  ++idle_;
  bool stays = true;
  while (stays && tasks_.empty()) {
    const auto deadline = std::chrono::steady_clock::now() + idle_timeout_;
    if (closing_) {
      stays = false;
    } else if (!wake_.wait_until(mutex_, deadline)) {
      stays = !tasks_.empty() || count_ <= min_threads_;
    }
  }
  --idle_;
  return stays;
}

void HandlerThreads::run() {
  const MutexLock lock(mutex_);
  while (wait_for_task()) {
    const std::function<void()> task = std::move(tasks_.front());
    tasks_.pop_front();
    mutex_.unlock();
    task();
    mutex_.lock();
  }
  --count_;
  ended_.push_back(::pthread_self());
  thread_ended_.notify_all();
}

}  // namespace bafa::http
