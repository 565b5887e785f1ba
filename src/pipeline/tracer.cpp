#include "pipeline/tracer.h"

#include <ATen/TensorOperators.h>

#include <sstream>
#include <utility>

namespace bafa::pipeline {

void Tracer::record(const std::string& name, const at::Tensor& values) {
  const at::Tensor plain = values.to(at::kCPU).to(at::kFloat).contiguous();
  const float* begin = plain.const_data_ptr<float>();
  trace_->record(name, plain.sizes().vec(), std::vector<float>(begin, begin + plain.numel()));
}

void Tracer::record_prompt(const std::string& prefix, const ConditionedPrompt& prompt) {
  const EncodedPrompt& encoded = prompt.encoded;
  for (const auto& [name, ids] :
       {std::pair{"token_ids", &encoded.token_ids}, std::pair{"token_ids_2", &encoded.token_ids_2}})
    if (!ids->empty())
      trace_->record(prefix + name, {static_cast<std::int64_t>(ids->size())}, *ids);
  record(prefix + "prompt_embeds", encoded.embeds);
  if (encoded.pooled.defined()) record(prefix + "pooled_prompt_embeds", encoded.pooled);
}

void Tracer::begun(const ImageGeneration& image, const Run& run) {
  if (trace_ == nullptr || traced_ != nullptr) return;
  traced_ = &image;
  const GenerationParams& params = *run.params;
  std::ostringstream guidance;
  guidance << params.guidance_scale;
  const std::pair<const char*, std::string> facts[] = {
      {"model", run.model},
      {"prompt", params.prompt},
      {"seed", std::to_string(run.seed)},
      {"size", std::to_string(params.width) + "x" + std::to_string(params.height)},
      {"steps", std::to_string(params.steps)},
      {"guidance", guidance.str()},
      {"sampler", params.sampler},
      {"dtype", run.dtype},
      {"device", run.device}};
  for (const auto& [key, value] : facts) trace_->describe(key, value);
  if (image.negative && params.negative_prompt)
    trace_->describe("negative_prompt", *params.negative_prompt);

  record_prompt("", *image.text);
  if (image.negative) record_prompt("negative_", *image.negative);
  record("noise", run.noise[0]);
  const auto steps = static_cast<std::int64_t>(image.schedule.timesteps.size());
  trace_->record("timesteps", {steps}, image.schedule.timesteps);
  if (!image.schedule.sigmas.empty()) trace_->record("sigmas", {steps + 1}, image.schedule.sigmas);
}

void Tracer::stepped(const ImageGeneration& image, const at::Tensor& predictions,
                     std::int64_t index) {
  if (traced_ != &image) return;
  const std::string step = std::to_string(image.done);
  record("prediction." + step, predictions[index]);
  record("latents." + step, image.latents[0]);
}

void Tracer::decoded(const ImageGeneration& image, const at::Tensor& decoded, std::int64_t index) {
  if (traced_ != &image) return;
  record("decoded", decoded[index].to(at::kFloat) / 2 + 0.5);
}

}  // namespace bafa::pipeline
