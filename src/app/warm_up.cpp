#include "app/warm_up.h"

#include <algorithm>
#include <cstdint>

#include "app/painting.h"
#include "base/clock.h"
#include "base/log.h"

namespace bafa::app {

std::chrono::milliseconds warm_up(Pipeline& pipeline) {
  const SystemClock clock;
  const MonotonicTime before = clock.now();
  const Capabilities& model = pipeline.capabilities();
  const ValidRequest request =
      validate({.prompt = "warm-up", .steps = model.steps.min, .seed = 0}, model, 0);
  paint({.pipeline = pipeline, .request = request, .on_image = [](int, const Image&) {}});
  const std::chrono::duration<double> passed = clock.now() - before;
  log(spdlog::level::info, LogLine("warmed_up").add("seconds", passed.count()));
  return std::chrono::duration_cast<std::chrono::milliseconds>(passed);
}

std::chrono::milliseconds longest_call(std::chrono::milliseconds warm_up, const Capabilities& model,
                                       int max_batch) {
  const std::int64_t pixels =
      std::int64_t{model.size.width.fallback} * std::int64_t{model.size.height.fallback};
  const std::int64_t times = (model.size.max_pixels + pixels - 1) / pixels;
  return 2 * warm_up * max_batch * std::max<std::int64_t>(times, 1);
}

}  // namespace bafa::app
