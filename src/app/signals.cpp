#include "app/signals.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>

#include "base/check.h"

namespace bafa::app {
namespace {

sigset_t watched_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  return set;
}

}  // namespace

Signals::Signals() {
  const sigset_t set = watched_signals();
  CHECK(pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
  // What they would say, write() says too: the peer is gone, a file may not grow (RLIMIT_FSIZE).
  CHECK(std::signal(SIGPIPE, SIG_IGN) != SIG_ERR);
  CHECK(std::signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
  signals_ = ::signalfd(-1, &set, SFD_CLOEXEC);
  wake_ = ::eventfd(0, EFD_CLOEXEC);
  CHECK(signals_ >= 0 && wake_ >= 0);
}

Signals::~Signals() {
  release();
  ::close(signals_);
  ::close(wake_);
}

Event Signals::wait(std::optional<std::chrono::milliseconds> timeout) {
  const int timeout_ms = timeout ? static_cast<int>(timeout->count()) : -1;
  std::array<pollfd, 2> sources = {pollfd{signals_, POLLIN, 0}, pollfd{wake_, POLLIN, 0}};
  int ready = 0;
  while ((ready = ::poll(sources.data(), sources.size(), timeout_ms)) < 0) CHECK(errno == EINTR);
  if (ready == 0) return Event::timed_out;
  if ((sources[0].revents & POLLIN) != 0) {
    signalfd_siginfo info{};
    CHECK(::read(signals_, &info, sizeof(info)) == sizeof(info));
    return info.ssi_signo == SIGHUP ? Event::reload_signal : Event::stop_signal;
  }
  std::uint64_t count = 0;
  CHECK(::read(wake_, &count, sizeof(count)) == sizeof(count));
  return Event::woken;
}

void Signals::wake() const {
  const std::uint64_t one = 1;
  CHECK(::write(wake_, &one, sizeof(one)) == sizeof(one));
}

void Signals::release() {
  const sigset_t set = watched_signals();
  CHECK(pthread_sigmask(SIG_UNBLOCK, &set, nullptr) == 0);
}

}  // namespace bafa::app
