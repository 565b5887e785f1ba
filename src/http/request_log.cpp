#include "http/request_log.h"

#include <algorithm>
#include <array>

#include "base/log.h"

namespace bafa::http {
namespace {

// What supervisors, load balancers and Prometheus ask would bury the rest.
bool is_asked_all_the_time(std::string_view route) {
  constexpr std::array<std::string_view, 5> kRoutes = {"/livez", "/readyz", "/health",
                                                       "/v2/health/ready", "/metrics"};
  return std::ranges::find(kRoutes, route) != kRoutes.end();
}

}  // namespace

void log_request(const RequestRecord& record) {
  auto level = spdlog::level::info;
  if (record.status >= 500) level = spdlog::level::warn;
  if (is_asked_all_the_time(record.route)) level = spdlog::level::debug;
  log(level, LogLine("request")
                 .add("method", record.method)
                 .add("route", record.route)
                 .add("status", record.status)
                 .add("bytes", record.sent_bytes)
                 .add("seconds", record.seconds)
                 .add("tenant", record.tenant)
                 .add("request", record.request_id));
}

}  // namespace bafa::http
