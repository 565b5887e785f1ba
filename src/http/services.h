// Everything the routes work with. Made by app, one per server; outlives the routers. The functions
// are called from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "bafa/config.h"
#include "bafa/device_readings.h"
#include "bafa/engine.h"
#include "base/clock.h"
#include "http/encoded_images.h"
#include "http/http_metrics.h"
#include "http/job_outputs.h"

namespace bafa::http {

struct Services {
  Engine& engine;
  const Config& config;
  const Clock& clock;
  HttpMetrics& metrics;
  EncodedImages& images;
  JobOutputs& outputs;
  std::function<std::int64_t()> random_seed;  // 0..2^32-1
  // Of the GPU, where there is one that tells; nullopt until the model has loaded.
  std::function<std::optional<DeviceReadings>()> device_readings = [] { return std::nullopt; };
  // Of all ports; set when the server exists, before it starts.
  std::function<int()> open_connections = [] { return 0; };
};

}  // namespace bafa::http
