#include "app/warm_up.h"

#include "app/painting.h"
#include "base/clock.h"
#include "base/log.h"

namespace bafa::app {

void warm_up(Pipeline& pipeline) {
  const SystemClock clock;
  const MonotonicTime before = clock.now();
  const Capabilities& model = pipeline.capabilities();
  const ValidRequest request =
      validate({.prompt = "warm-up", .steps = model.steps.min, .seed = 0}, model, 0);
  paint({.pipeline = pipeline, .request = request, .on_image = [](int, const Image&) {}});
  const std::chrono::duration<double> passed = clock.now() - before;
  log(spdlog::level::info, LogLine("warmed_up").add("seconds", passed.count()));
}

}  // namespace bafa::app
