// epoll in the three shapes that a listener needs: a socket to be told of once, one to be told of
// always, and a wake-up from another thread. Used by the listener's thread; only wake() may come
// from elsewhere.
#pragma once

#include <sys/epoll.h>
#include <array>
#include <cstdint>
#include <span>

#include "http/socket.h"

namespace bafa::http {

class Poller {
 public:
  static constexpr std::uint64_t kWakeId = 0;  // not reported by wait()

  Poller();  // throws Error{io_error}

  // Reports `id` once when the socket has bytes or its peer is gone; watch again for the next time.
  void add_once(int socket, std::uint64_t id);
  void watch_again(int socket, std::uint64_t id);

  // Reports `id` in every wait() while the socket has something to read.
  void add(int socket, std::uint64_t id);
  void remove(int socket);

  // Ids with something to read; none after `timeout_ms` (-1: never) or a wake-up.
  std::span<const std::uint64_t> wait(int timeout_ms);
  void wake();

 private:
  void control(int operation, int socket, std::uint64_t id, std::uint32_t events);

  FileDescriptor epoll_;
  FileDescriptor wake_;
  std::array<epoll_event, 128> events_{};
  std::array<std::uint64_t, 128> ids_{};
};

}  // namespace bafa::http
