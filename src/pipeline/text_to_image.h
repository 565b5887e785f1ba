// Pipeline over the parts of any family: prompt to conditioning, seeded noise, denoising steps,
// picture. The latents stay in fp32 whatever the networks run in. Owned by the worker; everything
// but capabilities() and cost() is called on its one thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "bafa/pipeline.h"
#include "model/decode_options.h"
#include "pipeline/load.h"
#include "pipeline/model_settings.h"
#include "pipeline/parts.h"
#include "pipeline/prompt_cache.h"
#include "pipeline/residencies.h"
#include "pipeline/tracer.h"

namespace bafa::pipeline {

class ImageGeneration;

struct TextToImageOptions {
  Capabilities capabilities;
  std::optional<PreviewColours> preview;
  at::Device device = at::kCPU;
  std::string dtype;  // for the trace: "fp32", "bf16"
  std::uint64_t prompt_cache_bytes = 0;
  StageObserver* observer = nullptr;  // may be null
  Trace* trace = nullptr;             // may be null
};

class TextToImage final : public Pipeline {
 public:
  TextToImage(Parts parts, TextToImageOptions options, Residencies residencies);
  ~TextToImage() override;

  const Capabilities& capabilities() const override { return options_.capabilities; }
  Cost cost(const ValidRequest& request) const override;
  MemoryReport memory() const override { return residencies_.report(); }
  std::vector<std::unique_ptr<Generation>> begin(std::span<const ImageTask> tasks) override;
  void step(std::span<Generation* const> generations) override;
  Image preview(const Generation& generation) override;
  std::vector<Image> finish(std::span<Generation* const> generations) override;
  void idle() override;

 private:
  // What a begin() needs of prompts: each once, whoever asks for it.
  using Prompts =
      std::unordered_map<PromptKey, std::shared_ptr<const ConditionedPrompt>, PromptKeyHash>;

  template <typename Call>
  auto on_device(Call&& call);
  std::vector<std::unique_ptr<Generation>> begin_all(std::span<const ImageTask> tasks);
  void step_all(std::span<Generation* const> generations);
  std::vector<Image> finish_all(std::span<Generation* const> generations);

  bool is_guided(const GenerationParams& params) const;
  BatchKey batch_key(const GenerationParams& params) const;
  Residency::Lease lease(memory::Phase phase, std::span<ImageGeneration* const> images);
  memory::Workload work_of(const BatchKey& key, std::size_t batch) const;
  memory::Workload largest_of(std::span<const ImageTask> tasks) const;
  void condition(std::span<const ImageTask> tasks, Prompts& prompts);
  EncodedPrompt encode(const PromptKey& prompt);
  void fit_preview_colours(const ImageGeneration& image);
  ConditionedPrompt prepare(EncodedPrompt encoded) const;
  const sampler::Sampler& sampler_of(const BatchKey& key) const;
  std::unique_ptr<ImageGeneration> begin_one(const ImageTask& task, const Prompts& prompts);
  at::Tensor predict(std::span<ImageGeneration* const> images, const at::Tensor& latents) const;

  Residencies residencies_;  // outlive the parts, whose weights it moves
  Parts parts_;
  TextToImageOptions options_;
  PromptCache prompts_;
  Tracer tracer_;
};

}  // namespace bafa::pipeline
