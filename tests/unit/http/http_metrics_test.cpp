#include "http/http_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bafa::http {
namespace {

using testing::HasSubstr;

TEST(HttpMetrics, CountsRequestsByRouteAndStatus) {
  HttpMetrics metrics;
  metrics.count_request("/v1/jobs/{id}", 200);
  metrics.count_request("/v1/jobs/{id}", 200);
  metrics.count_request("", 404);
  const std::string text = metrics.text(0);
  EXPECT_THAT(text, HasSubstr("# TYPE bafa_requests_total counter\n"));
  EXPECT_THAT(text, HasSubstr("{code=\"200\",route=\"/v1/jobs/{id}\"} 2"));
  EXPECT_THAT(text, HasSubstr("{code=\"404\",route=\"unmatched\"} 1"));
}

TEST(HttpMetrics, TellsWhoIsConnected) {
  HttpMetrics metrics;
  {
    const HttpMetrics::SseClient one(metrics);
    const HttpMetrics::SseClient two(metrics);
    EXPECT_THAT(metrics.text(5), HasSubstr("bafa_sse_clients 2"));
  }
  EXPECT_THAT(metrics.text(5), HasSubstr("bafa_sse_clients 0"));
  EXPECT_THAT(metrics.text(5), HasSubstr("bafa_open_connections 5"));
}

TEST(HttpMetrics, TimesTheEncodingOfPictures) {
  HttpMetrics metrics;
  metrics.observe_encoding(0.004);
  EXPECT_THAT(metrics.text(0), HasSubstr("bafa_image_encode_seconds_bucket{le=\"0.005\"} 1"));
  EXPECT_THAT(metrics.text(0), HasSubstr("bafa_image_encode_seconds_bucket{le=\"0.0025\"} 0"));
}

TEST(HttpMetrics, HaveWhatTheGpuTellsOfItself) {
  HttpMetrics metrics;
  EXPECT_THAT(metrics.text(0), testing::Not(HasSubstr("bafa_gpu")));
  const std::string text = metrics.text(0, DeviceReadings{.memory_used_bytes = 30'000,
                                                          .memory_total_bytes = 80'000,
                                                          .utilization = 0.63,
                                                          .temperature_celsius = 54});
  EXPECT_THAT(text, HasSubstr("bafa_gpu_memory_bytes{kind=\"used\"} 30000\n"));
  EXPECT_THAT(text, HasSubstr("bafa_gpu_memory_bytes{kind=\"total\"} 80000\n"));
  EXPECT_THAT(text, HasSubstr("bafa_gpu_utilization_ratio 0.63\n"));
  EXPECT_THAT(text, HasSubstr("bafa_gpu_temperature_celsius 54\n"));
}

}  // namespace
}  // namespace bafa::http
