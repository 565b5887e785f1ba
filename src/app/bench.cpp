#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "app/commands.h"
#include "app/exit_code.h"
#include "app/measurement.h"
#include "app/painting.h"
#include "base/check.h"
#include "base/log.h"
#include "image/encode.h"

namespace bafa::app {
namespace {

using SteadyClock = std::chrono::steady_clock;

double ms_since(SteadyClock::time_point begun) {
  return std::chrono::duration<double, std::milli>(SteadyClock::now() - begun).count();
}

// Collects what the pipeline says of its stages.
class StageTimes final : public pipeline::StageObserver {
 public:
  void observe(pipeline::Stage stage, int /*batch*/, double elapsed_ms) override {
    switch (stage) {
      case pipeline::Stage::encode: encode_ms.push_back(elapsed_ms); return;
      case pipeline::Stage::forward: forward_ms.push_back(elapsed_ms); return;
      case pipeline::Stage::decode: decode_ms.push_back(elapsed_ms); return;
    }
  }
  void clear() {
    encode_ms.clear();
    forward_ms.clear();
    decode_ms.clear();
  }

  std::vector<double> encode_ms;
  std::vector<double> forward_ms;
  std::vector<double> decode_ms;
};

// "VmHWM:     12345 kB" of /proc/self/status, in bytes; 0 where there is no such file.
std::uint64_t memory_bytes(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with(field + ":")) continue;
    std::istringstream number(line.substr(field.size() + 1));
    std::uint64_t kib = 0;
    number >> kib;
    return kib << 10;
  }
  return 0;
}

struct Run {
  double png_ms = 0;
  double total_ms = 0;
};

Run run_once(Pipeline& pipeline, const ValidRequest& request) {
  const auto begun = SteadyClock::now();
  Run run;
  const auto encode = [&run](int, const Image& image) {
    const auto png_begun = SteadyClock::now();
    CHECK(!image::encode(image, {.format = image::Format::png}).empty());
    run.png_ms += ms_since(png_begun);
  };
  paint({.pipeline = pipeline,
         .request = request,
         .max_batch = request.params().count,
         .on_image = encode});
  run.total_ms = ms_since(begun);
  return run;
}

GenerateRequest bench_request(const BenchCommand& command) {
  GenerateRequest request = command.request;
  request.prompt = "a red apple";
  request.seed = 0;
  return request;
}

void measure_runs(Pipeline& pipeline, const ValidRequest& request, int repeat, Measurement& into) {
  std::vector<double> png_ms;
  std::vector<double> total_ms;
  for (int i = 0; i < repeat; ++i) {
    const Run run = run_once(pipeline, request);
    png_ms.push_back(run.png_ms);
    total_ms.push_back(run.total_ms);
  }
  into.png_ms = median(std::move(png_ms));
  into.total_ms = median(std::move(total_ms));
}

}  // namespace

int run(const BenchCommand& command) {
  if (command.memory) return run_memory(command);
  init_log({.level = command.config.memory.explain ? "info" : "warn"});
  StageTimes stages;
  pipeline::LoadOptions options = load_options(command.config);
  options.observer = &stages;
  options.prompt_cache_bytes = 0;  // so that every run encodes its prompt
  options.limits.max_images = std::max(
      options.limits.max_images,
      static_cast<int>(std::clamp<std::int64_t>(command.request.count.value_or(1), 1, 1024)));
  const auto begun = SteadyClock::now();
  const auto pipeline = pipeline::load(options);
  Measurement measurement{.load_ms = ms_since(begun), .version = std::string(version())};

  FieldNames names = field_names();
  names.count = "--batch";
  const ValidRequest request = validate(bench_request(command), pipeline->capabilities(), 0, names);
  const GenerationParams& params = request.params();
  measurement.model = pipeline->capabilities().model;
  measurement.size = std::to_string(params.width) + "x" + std::to_string(params.height);
  measurement.steps = params.steps;
  measurement.batch = params.count;
  measurement.dtype = pipeline::resolved_dtype(options);
  measurement.device = options.device;
  measurement.threads =
      options.threads > 0 ? options.threads : static_cast<int>(std::thread::hardware_concurrency());
  measurement.first_image_ms = run_once(*pipeline, request).total_ms;
  stages.clear();
  measure_runs(*pipeline, request, command.repeat, measurement);
  measurement.encode_ms = median(stages.encode_ms);
  measurement.forward_ms = median(stages.forward_ms);
  measurement.forward_min_ms = smallest(stages.forward_ms);
  measurement.decode_ms = median(stages.decode_ms);
  measurement.peak_bytes = memory_bytes("VmHWM");
  measurement.rss_bytes = memory_bytes("VmRSS");
  const MemoryReport memory = pipeline->memory();
  measurement.level = memory.level;
  measurement.budget_bytes = memory.budget_bytes;
  measurement.device_peak_bytes = memory.peak_bytes;
  const std::string text = command.json ? as_json(measurement) + "\n" : as_table(measurement);
  std::fputs(text.c_str(), stdout);
  return kOk;
}

}  // namespace bafa::app
