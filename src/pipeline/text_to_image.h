// Pipeline over the parts of any family: prompt to conditioning, seeded noise, denoising steps,
// picture. The latents stay in fp32 whatever the networks run in. Owned by the worker; everything
// but capabilities() and cost() is called on its one thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bafa/pipeline.h"
#include "model/decode_options.h"
#include "pipeline/load.h"
#include "pipeline/model_settings.h"
#include "pipeline/parts.h"
#include "pipeline/prompt_cache.h"
#include "pipeline/tracer.h"

namespace bafa::pipeline {

class ImageGeneration;

struct TextToImageOptions {
  Capabilities capabilities;
  std::optional<PreviewColours> preview;
  at::Device device = at::kCPU;
  std::string dtype;  // for the trace: "fp32", "bf16"
  std::uint64_t prompt_cache_bytes = 0;
  model::DecodeOptions decode;
  StageObserver* observer = nullptr;  // may be null
  Trace* trace = nullptr;             // may be null
};

class TextToImage final : public Pipeline {
 public:
  TextToImage(Parts parts, TextToImageOptions options);
  ~TextToImage() override;

  const Capabilities& capabilities() const override { return options_.capabilities; }
  Cost cost(const ValidRequest& request) const override;
  std::vector<std::unique_ptr<Generation>> begin(std::span<const ImageTask> tasks) override;
  void step(std::span<Generation* const> generations) override;
  Image preview(const Generation& generation) override;
  std::vector<Image> finish(std::span<Generation* const> generations) override;
  void idle() override;

 private:
  bool is_guided(const GenerationParams& params) const;
  BatchKey batch_key(const GenerationParams& params) const;
  std::shared_ptr<const ConditionedPrompt> condition(const PromptKey& prompt);
  const sampler::Sampler& sampler_of(const BatchKey& key) const;
  std::unique_ptr<ImageGeneration> begin_one(const ImageTask& task);
  at::Tensor predict(std::span<ImageGeneration* const> images, const at::Tensor& latents) const;

  Parts parts_;
  TextToImageOptions options_;
  PromptCache prompts_;
  Tracer tracer_;
};

}  // namespace bafa::pipeline
