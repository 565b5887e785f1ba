// One picture being painted by text_to_image. A plain holder of state; the worker thread.
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

#include "bafa/pipeline.h"
#include "pipeline/guidance.h"
#include "pipeline/prompt_cache.h"
#include "sampler/sampler.h"

namespace bafa::pipeline {

class ImageGeneration final : public Generation {
 public:
  int steps_done() const override { return done; }
  int steps_total() const override { return static_cast<int>(schedule.timesteps.size()); }
  int prompt_tokens() const override { return text->encoded.tokens; }
  bool prompt_truncated() const override { return text->encoded.truncated; }
  double timestep() const { return schedule.timesteps[static_cast<std::size_t>(done)]; }

  BatchKey batch_key;
  GuidanceSettings guidance;
  sampler::Schedule schedule;
  int done = 0;
  std::shared_ptr<const ConditionedPrompt> text;
  std::shared_ptr<const ConditionedPrompt> negative;  // null without guidance
  at::Generator generator;                            // seeded for this picture alone
  std::vector<at::Tensor> history;                    // what the sampler remembers
  at::Tensor latents;                                 // [1, C, h, w] fp32
  at::Tensor denoised_latents;                        // the same, clean as last predicted
};

}  // namespace bafa::pipeline
