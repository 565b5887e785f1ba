// Everything the routes work with. Made by app, one per server; outlives the routers. The functions
// are called from any thread.
#pragma once

#include <cstdint>
#include <functional>

#include "bafa/config.h"
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
  // Of all ports; set when the server exists, before it starts.
  std::function<int()> open_connections = [] { return 0; };
};

}  // namespace bafa::http
