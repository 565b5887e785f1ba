#include "e2e/http_client.h"

#include <chrono>
#include <stdexcept>
#include <thread>

#include <httplib.h>

namespace bafa::e2e {
namespace {

constexpr int kReadTimeoutSeconds = 120;

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
