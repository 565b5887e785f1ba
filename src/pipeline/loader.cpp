#include <c10/core/InferenceMode.h>

#include <optional>
#include <string>
#include <utility>

#include "bafa/error.h"
#include "base/text.h"
#include "device/device.h"
#include "pipeline/families/family.h"
#include "pipeline/load.h"
#include "pipeline/model_index.h"
#include "pipeline/model_settings.h"
#include "pipeline/text_to_image.h"

namespace bafa::pipeline {
namespace {

at::ScalarType parse_dtype(const std::string& name, const device::Device& device) {
  if (name == "auto") return device.best_dtype();
  const auto chosen = name == "fp32"   ? std::optional(at::kFloat)
                      : name == "bf16" ? std::optional(at::kBFloat16)
                      : name == "fp16" ? std::optional(at::kHalf)
                                       : std::nullopt;
  if (!chosen) {
    throw Error(ErrorCode::invalid_config,
                "dtype " + printable(name) + " is unknown; it is auto, fp32 or bf16",
                "model.dtype");
  }
  if (!device.runs(*chosen)) {
    throw Error(ErrorCode::invalid_config,
                "dtype " + name + " is not for " + device.name() +
                    "; use auto, fp32 or bf16 (fp16 weights are converted when they are loaded)",
                "model.dtype");
  }
  return *chosen;
}

std::string dtype_name(at::ScalarType dtype) { return dtype == at::kFloat ? "fp32" : "bf16"; }

}  // namespace

std::string resolved_dtype(const LoadOptions& options) {
  return dtype_name(
      parse_dtype(options.dtype, *device::open_device(options.device, options.threads)));
}

std::unique_ptr<Pipeline> load(const LoadOptions& options) {
  const c10::InferenceMode inference;
  const auto device = device::open_device(options.device, options.threads);
  const LoadTarget target{.dtype = parse_dtype(options.dtype, *device),
                          .device = device->torch_device()};

  const ModelIndex index = read_model_index(options.path);
  const ModelSettings settings = read_model_settings(options.path);
  Parts parts = family_of(index).load(index, target);
  const ModelFacts facts{.family = index.family,
                         .native_side = parts.native_side,
                         .multiple = parts.decoder->scale(),
                         .max_prompt_tokens = parts.conditioner->max_tokens(),
                         .sampler = std::string(parts.sampler->name()),
                         .latent_channels = parts.denoiser->latent_channels(),
                         .negative_prompt = !parts.denoiser->takes_guidance()};
  TextToImageOptions run{.capabilities = make_capabilities(settings, facts, options.limits),
                         .preview = settings.preview,
                         .device = target.device,
                         .dtype = dtype_name(target.dtype),
                         .prompt_cache_bytes = options.prompt_cache_bytes,
                         .observer = options.observer,
                         .trace = options.trace};
  return std::make_unique<TextToImage>(std::move(parts), std::move(run));
}

std::unique_ptr<text::Tokenizer> open_tokenizer(const std::filesystem::path& model,
                                                TokenizerChoice choice) {
  const ModelIndex index = read_model_index(model);
  const std::string name = choice == TokenizerChoice::first ? "tokenizer" : "tokenizer_2";
  return text::load_tokenizer(model / name, index.at(name).class_name);
}

}  // namespace bafa::pipeline
