// Fills a Trace from the tensors of the first image that a pipeline begins. Owned by the pipeline;
// the worker thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "bafa/request.h"
#include "pipeline/image_generation.h"
#include "pipeline/trace.h"

namespace bafa::pipeline {

class Tracer {
 public:
  explicit Tracer(Trace* trace) : trace_(trace) {}  // null: records nothing

  // What is known of the run beside the image's own values.
  struct Run {
    const GenerationParams* params = nullptr;
    std::int64_t seed = 0;  // of this picture
    at::Tensor noise;       // [1, C, h, w] as drawn
    std::string model, dtype, device;
  };

  void begun(const ImageGeneration& image, const Run& run);

  // `index` is the image's place in `predictions` [B, C, h, w]; after the step was done.
  void stepped(const ImageGeneration& image, const at::Tensor& predictions, std::int64_t index);

  // `index` is the image's place in `decoded` [B, 3, H, W].
  void decoded(const ImageGeneration& image, const at::Tensor& decoded, std::int64_t index);

 private:
  void record(const std::string& name, const at::Tensor& values);
  void record_prompt(const std::string& prefix, const ConditionedPrompt& prompt);

  Trace* trace_;
  const ImageGeneration* traced_ = nullptr;  // compared only, never used after its end
};

}  // namespace bafa::pipeline
