// A listener on a loopback port with routes of its own; time is moved by the tests. The loop looks
// at its deadlines every tenth of a second of real time.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "http/listener.h"
#include "support/gate.h"
#include "support/manual_clock.h"
#include "support/raw_connection.h"

namespace bafa::test {

inline const std::string kLoopback = "127.0.0.1";

inline std::string get_request(const std::string& path, const std::string& fields = "") {
  return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + fields + "\r\n";
}

// The head of a POST /echo whose body has `length` bytes.
inline std::string post_head(std::size_t length, const std::string& fields = "") {
  return "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
         "Content-Length: " +
         std::to_string(length) + "\r\n" + fields + "\r\n";
}

inline bool eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 3000 && !condition(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  return condition();
}

class ListenerHarness : public testing::Test {
 protected:
  ListenerHarness() {
    const auto answer = [](std::string text) {
      return
          [text](const http::HttpRequest&) { return http::make_response(200, "text/plain", text); };
    };
    router_.add({.method = "GET",
                 .pattern = "/now",
                 .handler = answer("now"),
                 .kind = http::RouteKind::immediate,
                 .access = http::Access::open});
    router_.add({.method = "GET", .pattern = "/quick", .handler = answer("quick")});
    router_.add(
        {.method = "POST", .pattern = "/echo", .handler = [](const http::HttpRequest& request) {
           return http::make_response(200, "text/plain", request.body);
         }});
    router_.add({.method = "GET", .pattern = "/who", .handler = [](const http::HttpRequest& r) {
                   const char* scheme = r.secure ? "https " : "http ";
                   return http::make_response(200, "text/plain", scheme + r.remote_address);
                 }});
    add_slow_routes();
  }
  ~ListenerHarness() override { gate_.open(); }

  // "/wait" holds its thread until the gate opens; "/large" and "/stream" send without end.
  void add_slow_routes() {
    router_.add({.method = "GET",
                 .pattern = "/wait",
                 .handler =
                     [this](const http::HttpRequest& request) {
                       gate_.pass();
                       if (!request.client_connected()) ++clients_gone_;
                       return http::make_response(200, "text/plain", "waited");
                     },
                 .kind = http::RouteKind::waiting});
    router_.add({.method = "GET", .pattern = "/large", .handler = [](const http::HttpRequest&) {
                   http::HttpResponse response = http::make_response(200, "text/plain", "");
                   response.shared_body = std::make_shared<const std::string>(16 << 20, 'x');
                   return response;
                 }});
    router_.add({.method = "GET", .pattern = "/stream", .handler = [](const http::HttpRequest&) {
                   http::HttpResponse response = http::make_response(200, "text/event-stream", "");
                   response.stream = [](http::BodySink& sink) {
                     const std::string event(64 << 10, 'x');
                     while (sink.write(event)) {
                     }
                   };
                   return response;
                 }});
    router_.add({.method = "GET", .pattern = "/broken", .handler = [](const http::HttpRequest&) {
                   throw std::runtime_error("secret of the machine");
                   return http::HttpResponse();
                 }});
  }

  void start(TransportConfig limits = {}, std::vector<http::ApiKey> keys = {},
             const std::vector<std::string>& trusted_proxies = {}) {
    proxies_ = std::make_unique<http::TrustedProxies>(trusted_proxies);
    authenticator_ = std::make_unique<http::Authenticator>(std::move(keys), clock_);
    listener_ = std::make_unique<http::Listener>(
        http::ListenerOptions{.name = "test", .host = kLoopback, .port = 0, .limits = limits},
        http::ListenerParts{router_, guards_, *authenticator_, *proxies_, clock_,
                            [this](const http::RequestRecord& one) {
                              const MutexLock lock(mutex_);
                              records_.push_back(one);
                            }});
    listener_->start();
  }

  int port() const { return listener_->port(); }
  int ask(const std::string& path, const std::string& from = kLoopback) {
    RawConnection client(port(), from);
    client.send(get_request(path));
    return client.read_status();
  }
  bool handling(int count) {
    return eventually([&] { return listener_->stats().handling == count; });
  }
  // The loop answers this request itself: by then it has read what was sent before. What handlers
  // have answered is back with it, too.
  bool caught_up() { return ask("/now") == 200 && handling(0); }
  bool open_connections(int count) {
    return eventually([&] { return listener_->stats().open_connections == count; });
  }
  std::vector<http::RequestRecord> records() {
    const MutexLock lock(mutex_);
    return records_;
  }

  ManualClock clock_;
  Gate gate_;
  std::atomic<int> clients_gone_ = 0;
  http::Router router_;
  const http::Guards guards_{{}, kLoopback};
  Mutex mutex_;
  std::vector<http::RequestRecord> records_ GUARDED_BY(mutex_);
  std::unique_ptr<http::Authenticator> authenticator_;
  std::unique_ptr<http::TrustedProxies> proxies_;
  std::unique_ptr<http::Listener> listener_;
};

}  // namespace bafa::test
