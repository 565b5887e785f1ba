// One small picture painted before the first caller's, so that what is made on first use (kernels
// chosen, weights packed, memory taken) is there, and a model that cannot paint is known before it
// is called ready. On the thread that will use the pipeline.
#pragma once

#include <chrono>

#include "bafa/pipeline.h"

namespace bafa::app {

// The model's own size, its fewest steps; how long it took. Throws what painting throws.
std::chrono::milliseconds warm_up(Pipeline& pipeline);

// What one call of the model may well take while serving, for who waits for a sign of life: the
// warm-up's time for the largest batch of the largest pictures, and as much again.
std::chrono::milliseconds longest_call(std::chrono::milliseconds warm_up, const Capabilities& model,
                                       int max_batch);

}  // namespace bafa::app
