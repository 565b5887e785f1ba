// One request painted on the calling thread, without a server: what `generate` and `bench` share.
#pragma once

#include <functional>

#include "bafa/pipeline.h"
#include "bafa/request.h"

namespace bafa::app {

struct Painting {
  Pipeline& pipeline;
  const ValidRequest& request;
  int max_batch = 1;                                      // pictures stepped together
  std::function<void(int steps_done)> on_step = {};       // of all pictures together
  std::function<void(int index, const Image&)> on_image;  // in the order of their seeds
};

struct PaintingReport {
  int prompt_tokens = 0;
  bool prompt_truncated = false;
};

PaintingReport paint(const Painting& painting);

}  // namespace bafa::app
