// What the HTTP interface counts, in Prometheus' text format 0.0.4. Labels come from the route
// table and the protocol, never from a client. One per server; every method may be called from any
// thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "bafa/device_readings.h"

namespace bafa::http {

class HttpMetrics {
 public:
  HttpMetrics();
  ~HttpMetrics();

  // `route`: the pattern that answered; "" when none was reached.
  void count_request(std::string_view route, int status);
  // One picture encoded as PNG, JPEG or WebP.
  void observe_encoding(double seconds);

  // One listener of an event stream, as a scope.
  class SseClient {
   public:
    explicit SseClient(HttpMetrics& metrics);
    ~SseClient();
    SseClient(const SseClient&) = delete;
    SseClient& operator=(const SseClient&) = delete;

   private:
    HttpMetrics& metrics_;
  };

  // `open_connections` is the listener's to know, `device` the GPU's.
  std::string text(int open_connections, const std::optional<DeviceReadings>& device = {});

 private:
  struct Families;
  std::unique_ptr<Families> families_;
};

}  // namespace bafa::http
