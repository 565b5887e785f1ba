// The other end of NOTIFY_SOCKET: a datagram socket that keeps what it is told.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <string>

#include "support/temporary_folder.h"

namespace bafa::test {

class ServiceManager {
 public:
  enum class Kind { path, abstract };

  explicit ServiceManager(Kind kind = Kind::path)
      : address_(kind == Kind::path ? (folder_.path() / "notify").string()
                                    : "@" + folder_.path().filename().string()),
        socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::memcpy(name.sun_path, address_.data(), address_.size());
    if (kind == Kind::abstract) name.sun_path[0] = '\0';
    const std::size_t size = offsetof(sockaddr_un, sun_path) + address_.size();
    if (::bind(socket_, reinterpret_cast<const sockaddr*>(&name), static_cast<socklen_t>(size)) !=
        0)
      throw std::runtime_error("cannot bind " + address_);
  }
  ~ServiceManager() { ::close(socket_); }
  ServiceManager(const ServiceManager&) = delete;
  ServiceManager& operator=(const ServiceManager&) = delete;

  // For NOTIFY_SOCKET.
  const std::string& address() const { return address_; }

  // The next datagram; "" when none has come within `timeout_ms`.
  std::string next(int timeout_ms = 0) const {
    pollfd readable{socket_, POLLIN, 0};
    if (::poll(&readable, 1, timeout_ms) != 1) return "";
    std::array<char, 4096> buffer{};
    const ssize_t count = ::recv(socket_, buffer.data(), buffer.size(), 0);
    return count < 0 ? "" : std::string(buffer.data(), static_cast<std::size_t>(count));
  }

 private:
  TemporaryFolder folder_;
  std::string address_;
  int socket_ = -1;
};

}  // namespace bafa::test
