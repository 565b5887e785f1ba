#include "http/http_metrics.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace bafa::http {
namespace {

prometheus::Gauge& gauge(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add({});
}

prometheus::Family<prometheus::Gauge>& family(prometheus::Registry& registry, const char* name,
                                              const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}

template <typename T>
void set(prometheus::Family<prometheus::Gauge>& family, const std::optional<T>& value,
         const prometheus::Labels& labels = {}) {
  if (value) family.Add(labels).Set(static_cast<double>(*value));
}

}  // namespace

struct HttpMetrics::Families {
  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>& requests = prometheus::BuildCounter()
                                                          .Name("bafa_requests_total")
                                                          .Help("HTTP requests answered.")
                                                          .Register(registry);
  prometheus::Histogram& encoding =
      prometheus::BuildHistogram()
          .Name("bafa_image_encode_seconds")
          .Help("Encoding one picture as PNG, JPEG or WebP.")
          .Register(registry)
          .Add({}, prometheus::Histogram::BucketBoundaries{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                           0.1, 0.25, 0.5, 1, 2.5});
  prometheus::Gauge& open_connections =
      gauge(registry, "bafa_open_connections", "Connections that clients hold open.");
  // Without a GPU that tells they have no series, and are not in the text.
  prometheus::Family<prometheus::Gauge>& gpu_memory =
      family(registry, "bafa_gpu_memory_bytes", "Memory of the GPU, by all processes.");
  prometheus::Family<prometheus::Gauge>& gpu_utilization =
      family(registry, "bafa_gpu_utilization_ratio", "How busy the GPU is, 0 to 1.");
  prometheus::Family<prometheus::Gauge>& gpu_temperature =
      family(registry, "bafa_gpu_temperature_celsius", "How hot the GPU is.");
  prometheus::Gauge& sse_clients =
      gauge(registry, "bafa_sse_clients", "Clients that listen to an event stream.");
};

HttpMetrics::HttpMetrics() : families_(std::make_unique<Families>()) {}
HttpMetrics::~HttpMetrics() = default;

void HttpMetrics::count_request(std::string_view route, int status) {
  const std::string label(route.empty() ? "unmatched" : route);
  families_->requests.Add({{"route", label}, {"code", std::to_string(status)}}).Increment();
}

void HttpMetrics::observe_encoding(double seconds) { families_->encoding.Observe(seconds); }

HttpMetrics::SseClient::SseClient(HttpMetrics& metrics) : metrics_(metrics) {
  metrics_.families_->sse_clients.Increment();
}

HttpMetrics::SseClient::~SseClient() { metrics_.families_->sse_clients.Decrement(); }

std::string HttpMetrics::text(int open_connections, const std::optional<DeviceReadings>& device) {
  families_->open_connections.Set(open_connections);
  if (device) {
    set(families_->gpu_memory, device->memory_used_bytes, {{"kind", "used"}});
    set(families_->gpu_memory, device->memory_total_bytes, {{"kind", "total"}});
    set(families_->gpu_utilization, device->utilization);
    set(families_->gpu_temperature, device->temperature_celsius);
  }
  return prometheus::TextSerializer().Serialize(families_->registry.Collect());
}

}  // namespace bafa::http
