// The few system calls that a listener needs, with their errors as values. Sockets never block.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace bafa::http {

// Owns a file descriptor. Movable.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int descriptor) : descriptor_(descriptor) {}
  ~FileDescriptor() { reset(); }
  FileDescriptor(FileDescriptor&& other) noexcept : descriptor_(other.release()) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;

  int get() const { return descriptor_; }
  explicit operator bool() const { return descriptor_ >= 0; }
  void reset();

 private:
  int release();

  int descriptor_ = -1;
};

// Bound and listening. Throws Error{io_error}.
FileDescriptor listen_on(const std::string& host, int port);
int local_port(int socket);

struct AcceptedSocket {
  FileDescriptor socket;
  std::string peer;   // numeric address, IPv4 inside IPv6 written as IPv4
  std::string local;  // the address that the peer connected to
};

enum class AcceptStatus { accepted, none_waiting, out_of_resources };

AcceptStatus accept_on(int listening_socket, AcceptedSocket& accepted);

// Addresses that one caller can choose among count as one: a whole /64 of IPv6.
std::string address_group(const std::string& address);

// False once the peer has closed, half-closed or reset the connection.
bool peer_is_connected(int socket);

// Bytes taken by the kernel (0: none now); nullopt when the connection is broken.
std::optional<std::size_t> send_some(int socket, std::string_view first, std::string_view second);

// Waits until the socket takes bytes again or `timeout_ms` is over.
void wait_writable(int socket, int timeout_ms);

// Raises the process's soft limit of open descriptors to `needed` if it is lower. Throws
// Error{invalid_config} naming both numbers when the hard limit forbids it.
void require_descriptors(std::size_t needed);

}  // namespace bafa::http
