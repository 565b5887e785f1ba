// One small picture painted before the first caller's, so that what is made on first use (kernels
// chosen, weights packed, memory taken) is there, and a model that cannot paint is known before it
// is called ready. On the thread that will use the pipeline.
#pragma once

#include "bafa/pipeline.h"

namespace bafa::app {

// The model's own size, its fewest steps. Throws what painting throws.
void warm_up(Pipeline& pipeline);

}  // namespace bafa::app
