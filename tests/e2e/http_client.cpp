#include "e2e/http_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>
#include <thread>

#include <httplib.h>

namespace bafa::e2e {
namespace {

constexpr int kReadTimeoutSeconds = 120;
constexpr int kRawTimeoutSeconds = 30;

httplib::Headers library_headers(const Headers& headers) {
  return {headers.begin(), headers.end()};
}

httplib::Client client(int port) {
  httplib::Client client("127.0.0.1", port);
  client.set_read_timeout(kReadTimeoutSeconds);
  return client;
}

Answer answer(const httplib::Result& result) {
  if (!result) return {};
  return {result->status, {result->headers.begin(), result->headers.end()}, result->body};
}

}  // namespace

std::string Answer::header(const std::string& name) const {
  for (const auto& [key, value] : headers) {
    if (httplib::detail::case_ignore::equal(key, name)) return value;
  }
  return {};
}

Answer get(int port, const std::string& path, const Headers& headers) {
  return answer(client(port).Get(path, library_headers(headers)));
}

Answer post(int port, const std::string& path, const std::string& json, const Headers& headers) {
  return answer(client(port).Post(path, library_headers(headers), json, "application/json"));
}

Answer remove(int port, const std::string& path) { return answer(client(port).Delete(path)); }

RawConnection::RawConnection(int port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const timeval timeout{.tv_sec = kRawTimeoutSeconds, .tv_usec = 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
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
  if (count <= 0) return false;
  received_.append(buffer, static_cast<std::size_t>(count));
  return true;
}

int RawConnection::read_status() {
  std::size_t head_end = 0;
  while ((head_end = received_.find("\r\n\r\n")) == std::string::npos) {
    if (!read_more()) return 0;
  }
  std::string head = received_.substr(0, head_end + 2);
  for (char& c : head) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  std::size_t body_bytes = 0;
  constexpr std::string_view kLength = "\r\ncontent-length:";
  if (const auto at = head.find(kLength); at != std::string::npos) {
    body_bytes = std::stoul(head.substr(at + kLength.size()));
  }
  while (received_.size() < head_end + 4 + body_bytes) {
    if (!read_more()) return 0;
  }
  received_.erase(0, head_end + 4 + body_bytes);
  return std::stoi(head.substr(head.find(' ') + 1));
}

std::string generation_request(std::string_view json) {
  return "POST /v1/images/generations HTTP/1.1\r\nHost: localhost\r\n"
         "Content-Type: application/json\r\nContent-Length: " +
         std::to_string(json.size()) + "\r\n\r\n" + std::string(json);
}

bool eventually(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

std::string base64_decoded(std::string_view text) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  unsigned bits = 0;
  int count = 0;
  for (const char digit : text) {
    if (digit == '=') break;
    const std::size_t value = kDigits.find(digit);
    if (value == std::string_view::npos) throw std::runtime_error("not base64");
    bits = (bits << 6) | static_cast<unsigned>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>((bits >> count) & 0xFF);
  }
  return bytes;
}

}  // namespace bafa::e2e
