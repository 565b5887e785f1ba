#include "http/socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <system_error>
#include <utility>

#include "bafa/error.h"

namespace bafa::http {
namespace {

constexpr int kBacklog = 4096;  // the kernel cuts it to its own limit
constexpr int kSendBufferBytes = 256
                                 << 10;  // what a reader who takes nothing can hold of an answer

std::string reason(int error) { return std::generic_category().message(error); }

[[noreturn]] void refuse(const std::string& host, int port, const std::string& why) {
  throw Error(ErrorCode::io_error,
              "Cannot listen on " + host + ":" + std::to_string(port) + ": " + why);
}

void set_option(int socket, int level, int name, int value) {
  ::setsockopt(socket, level, name, &value, sizeof value);  // refinements: failing is no harm
}

std::string address_text(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
  } else if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    const bool mapped = IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr);
    const void* bytes = mapped ? static_cast<const void*>(v6.sin6_addr.s6_addr + 12)
                               : static_cast<const void*>(&v6.sin6_addr);
    ::inet_ntop(mapped ? AF_INET : AF_INET6, bytes, text.data(), text.size());
  }
  return text.data();
}

using AddressList = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

AddressList resolve(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  if (error != 0) refuse(host, port, ::gai_strerror(error));
  return {list, &::freeaddrinfo};
}

}  // namespace

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (this != &other) {
    reset();
    descriptor_ = other.release();
  }
  return *this;
}

void FileDescriptor::reset() {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
}

int FileDescriptor::release() { return std::exchange(descriptor_, -1); }

FileDescriptor listen_on(const std::string& host, int port) {
  const AddressList addresses = resolve(host, port);
  const addrinfo& address = *addresses;
  FileDescriptor socket(::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) refuse(host, port, reason(errno));
  set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  // Accepted sockets inherit these.
  set_option(socket.get(), SOL_SOCKET, SO_SNDBUF, kSendBufferBytes);
  set_option(socket.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  if (::bind(socket.get(), address.ai_addr, address.ai_addrlen) != 0 ||
      ::listen(socket.get(), kBacklog) != 0)
    refuse(host, port, reason(errno));
  return socket;
}

int local_port(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  return address.ss_family == AF_INET6
             ? ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port)
             : ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

AcceptStatus accept_on(int listening_socket, AcceptedSocket& accepted) {
  for (;;) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    FileDescriptor socket(::accept4(listening_socket, reinterpret_cast<sockaddr*>(&address), &size,
                                    SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket) {
      // That connection was broken before it was taken; the next may be fine.
      if (errno == ECONNABORTED || errno == EPROTO || errno == EINTR) continue;
      const bool nobody = errno == EAGAIN || errno == EWOULDBLOCK;
      return nobody ? AcceptStatus::none_waiting : AcceptStatus::out_of_resources;
    }
    accepted.peer = address_text(address);
    size = sizeof address;
    ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size);
    accepted.local = address_text(address);
    accepted.socket = std::move(socket);
    return AcceptStatus::accepted;
  }
}

std::string address_group(const std::string& address) {
  in6_addr v6{};
  if (::inet_pton(AF_INET6, address.c_str(), &v6) != 1) return address;
  for (std::size_t i = 8; i < 16; ++i) v6.s6_addr[i] = 0;
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(AF_INET6, &v6, text.data(), text.size());
  return text.data();
}

bool peer_is_connected(int socket) {
  pollfd state{.fd = socket, .events = POLLRDHUP, .revents = 0};
  return ::poll(&state, 1, 0) <= 0;
}

std::optional<std::size_t> send_some(int socket, std::string_view first, std::string_view second) {
  std::array<iovec, 2> parts{iovec{const_cast<char*>(first.data()), first.size()},
                             iovec{const_cast<char*>(second.data()), second.size()}};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  for (;;) {
    const ssize_t sent = ::sendmsg(socket, &message, MSG_NOSIGNAL);
    if (sent >= 0) return static_cast<std::size_t>(sent);
    if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
    if (errno != EINTR) return std::nullopt;
  }
}

void wait_writable(int socket, int timeout_ms) {
  pollfd state{.fd = socket, .events = POLLOUT, .revents = 0};
  ::poll(&state, 1, timeout_ms);
}

void require_descriptors(std::size_t needed) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed) return;
  const rlimit raised{needed, limit.rlim_max};
  if (limit.rlim_max >= needed && ::setrlimit(RLIMIT_NOFILE, &raised) == 0) return;
  throw Error(ErrorCode::invalid_config,
              "The process may open " + std::to_string(limit.rlim_max) +
                  " descriptors, but transport.max_connections needs " + std::to_string(needed) +
                  "; lower it or raise the limit (ulimit -n).",
              "transport.max_connections");
}

}  // namespace bafa::http
