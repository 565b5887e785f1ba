#include "app/painting.h"

#include <algorithm>
#include <memory>
#include <vector>

namespace bafa::app {

PaintingReport paint(const Painting& painting) {
  const GenerationParams& params = painting.request.params();
  PaintingReport report;
  int steps_done = 0;
  for (int first = 0; first < params.count; first += painting.max_batch) {
    const int end = std::min(first + painting.max_batch, params.count);
    std::vector<ImageTask> tasks;
    for (int index = first; index < end; ++index) tasks.push_back({&painting.request, index});
    const auto generations = painting.pipeline.begin(tasks);
    std::vector<Generation*> batch;
    for (const auto& generation : generations) batch.push_back(generation.get());
    report = {batch.front()->prompt_tokens(), batch.front()->prompt_truncated()};
    while (!batch.front()->denoised()) {
      painting.pipeline.step(batch);
      steps_done += end - first;
      if (painting.on_step) painting.on_step(steps_done);
    }
    const std::vector<Image> images = painting.pipeline.finish(batch);
    for (int index = first; index < end; ++index) {
      painting.on_image(index, images[static_cast<std::size_t>(index - first)]);
    }
  }
  return report;
}

}  // namespace bafa::app
