#include "http/poller.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "bafa/error.h"
#include "base/check.h"

namespace bafa::http {
namespace {

constexpr std::uint32_t kOnce = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT;

}  // namespace

Poller::Poller()
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)), wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (!epoll_ || !wake_)
    throw Error(ErrorCode::io_error,
                "Cannot wait for sockets: " + std::generic_category().message(errno));
  add(wake_.get(), kWakeId);
}

void Poller::add_once(int socket, std::uint64_t id) { control(EPOLL_CTL_ADD, socket, id, kOnce); }

void Poller::watch_again(int socket, std::uint64_t id) {
  control(EPOLL_CTL_MOD, socket, id, kOnce);
}

void Poller::add(int socket, std::uint64_t id) { control(EPOLL_CTL_ADD, socket, id, EPOLLIN); }

void Poller::remove(int socket) { control(EPOLL_CTL_DEL, socket, 0, 0); }

// With our own open sockets these calls fail for want of kernel memory alone.
void Poller::control(int operation, int socket, std::uint64_t id, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = id;
  CHECK(::epoll_ctl(epoll_.get(), operation, socket, &event) == 0);
}

std::span<const std::uint64_t> Poller::wait(int timeout_ms) {
  const int count =
      ::epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()), timeout_ms);
  std::size_t reported = 0;
  for (int i = 0; i < count; ++i) {
    const std::uint64_t id = events_[static_cast<std::size_t>(i)].data.u64;
    if (id != kWakeId) {
      ids_[reported++] = id;
      continue;
    }
    std::uint64_t ignored = 0;
    [[maybe_unused]] const ssize_t size = ::read(wake_.get(), &ignored, sizeof ignored);
  }
  return {ids_.data(), reported};
}

void Poller::wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t size = ::write(wake_.get(), &one, sizeof one);
}

}  // namespace bafa::http
