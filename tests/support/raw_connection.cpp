#include "support/raw_connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <stdexcept>

namespace bafa::test {
namespace {

constexpr int kTimeoutSeconds = 30;
constexpr int kSilenceMs = 100;

sockaddr_in loopback(const std::string& address, int port) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_port = htons(static_cast<std::uint16_t>(port));
  ::inet_pton(AF_INET, address.c_str(), &result.sin_addr);
  return result;
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

}  // namespace

std::string RawAnswer::header(std::string_view name) const {
  const std::string mark = "\r\n" + lower(name) + ":";
  const std::size_t at = lower(head).find(mark);
  if (at == std::string::npos) return {};
  const std::size_t begin = head.find_first_not_of(' ', at + mark.size());
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

RawConnection::RawConnection(int port, const std::string& from)
    : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const sockaddr_in own = loopback(from, 0);
  const sockaddr_in server = loopback("127.0.0.1", port);
  const timeval timeout{.tv_sec = kTimeoutSeconds, .tv_usec = 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
  ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
  if (::bind(socket_, reinterpret_cast<const sockaddr*>(&own), sizeof(own)) != 0 ||
      ::connect(socket_, reinterpret_cast<const sockaddr*>(&server), sizeof(server)) != 0) {
    ::close(socket_);
    throw std::runtime_error("cannot connect");
  }
}

RawConnection::~RawConnection() { ::close(socket_); }

bool RawConnection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool RawConnection::read_more() {
  char buffer[16 << 10];
  const ssize_t count = ::recv(socket_, buffer, sizeof(buffer), 0);
  if (count <= 0) {
    ended_ = count == 0 || errno == ECONNRESET;
    return false;
  }
  received_.append(buffer, static_cast<std::size_t>(count));
  return true;
}

RawAnswer RawConnection::read_answer() {
  std::size_t head_end = 0;
  while ((head_end = received_.find("\r\n\r\n")) == std::string::npos) {
    if (!read_more()) return {};
  }
  RawAnswer answer{.head = received_.substr(0, head_end + 2)};
  const std::string length = answer.header("Content-Length");
  const std::size_t end = head_end + 4 + (length.empty() ? 0 : std::stoul(length));
  while (received_.size() < end) {
    if (!read_more()) return {};
  }
  answer.body = received_.substr(head_end + 4, end - head_end - 4);
  answer.status = std::stoi(answer.head.substr(answer.head.find(' ') + 1));
  received_.erase(0, end);
  return answer;
}

std::string RawConnection::read_to_end() {
  while (read_more()) {
  }
  return received_;
}

bool RawConnection::is_closed() {
  read_to_end();
  return ended_;
}

bool RawConnection::is_silent() {
  pollfd state{.fd = socket_, .events = POLLIN | POLLRDHUP, .revents = 0};
  return received_.empty() && ::poll(&state, 1, kSilenceMs) == 0;
}

void RawConnection::end_sending() { ::shutdown(socket_, SHUT_WR); }

void RawConnection::reset() {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  ::close(socket_);
  socket_ = -1;
}

}  // namespace bafa::test
