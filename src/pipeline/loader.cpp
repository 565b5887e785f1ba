#include <c10/core/InferenceMode.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bafa/error.h"
#include "base/log.h"
#include "base/text.h"
#include "device/device.h"
#include "pipeline/families/family.h"
#include "pipeline/load.h"
#include "pipeline/model_index.h"
#include "pipeline/model_settings.h"
#include "pipeline/text_to_image.h"
#include "sampler/load.h"

namespace bafa::pipeline {
namespace {

at::ScalarType parse_dtype(const std::string& name, const device::Device& device,
                           const ModelIndex& index) {
  if (name == "auto") {
    const Family* family = find_family(index);
    return family != nullptr && family->dtype ? *family->dtype : device.best_dtype();
  }
  const auto chosen = name == "fp32"   ? std::optional(at::kFloat)
                      : name == "bf16" ? std::optional(at::kBFloat16)
                      : name == "fp16" ? std::optional(at::kHalf)
                                       : std::nullopt;
  if (!chosen) {
    throw Error(ErrorCode::invalid_config,
                "dtype " + printable(name) + " is unknown; it is auto, fp32 or bf16",
                "model.dtype");
  }
  if (chosen == at::kHalf) refuse_fp16(index);
  if (!device.runs(*chosen)) {
    throw Error(ErrorCode::invalid_config,
                "dtype " + name + " is not for " + device.name() +
                    "; use auto, fp32 or bf16 (fp16 weights are converted when they are loaded)",
                "model.dtype");
  }
  return *chosen;
}

std::vector<std::unique_ptr<sampler::Sampler>> load_samplers(const ModelIndex& index,
                                                             const ModelSettings& settings,
                                                             sampler::PipelineFix fix) {
  return sampler::load_samplers(index.folder / "scheduler" / "scheduler_config.json",
                                index.at("scheduler").class_name,
                                {.name = settings.sampler,
                                 .timestep_spacing = settings.timestep_spacing,
                                 .eta = settings.eta,
                                 .fix = fix});
}

std::string dtype_name(at::ScalarType dtype) { return dtype == at::kFloat ? "fp32" : "bf16"; }

}  // namespace

std::string resolved_dtype(const LoadOptions& options) {
  return dtype_name(parse_dtype(options.dtype,
                                *device::open_device(options.device, options.threads),
                                read_model_index(options.path)));
}

std::unique_ptr<Pipeline> load(const LoadOptions& options) {
  const c10::InferenceMode inference;
  const auto device = device::open_device(options.device, options.threads);
  const ModelIndex index = read_model_index(options.path);
  const LoadTarget target{.dtype = parse_dtype(options.dtype, *device, index),
                          .device = device->torch_device(),
                          .tokenizer = options.tokenizer};

  const ModelSettings settings = read_model_settings(options.path);
  const Family& family = family_of(index);
  auto samplers = load_samplers(index, settings, family.scheduler_fix);
  Parts parts = family.load(index, target);
  parts.samplers = std::move(samplers);
  ModelFacts facts{.family = index.family,
                   .native_side = parts.native_side,
                   .multiple = parts.decoder->scale() * parts.denoiser->patch(),
                   .max_width = parts.max_width,
                   .max_height = parts.max_height,
                   .no_guidance_until = parts.guidance == Guidance::from_negative ? 1.0 : 0.0,
                   .previews = parts.fits_preview,
                   .max_prompt_tokens = parts.conditioner->max_tokens(),
                   .latent_channels = parts.denoiser->latent_channels(),
                   .defaults = family.defaults,
                   .max_clip_skip = parts.conditioner->max_clip_skip(),
                   .negative_prompt = !parts.denoiser->takes_guidance(),
                   .rescales_guidance = !parts.denoiser->takes_guidance() &&
                                        parts.guidance == Guidance::from_negative};
  for (const auto& sampler : parts.samplers) {
    facts.samplers.emplace_back(sampler->name());
    facts.sampler_max_steps[facts.samplers.back()] = sampler->max_steps();
  }
  spdlog::info("model_loaded family={} device={} dtype={}", index.family, options.device,
               dtype_name(target.dtype));
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
                                                TokenizerChoice choice,
                                                text::TokenizerOptions options) {
  const ModelIndex index = read_model_index(model);
  const std::string name = choice == TokenizerChoice::first ? "tokenizer" : "tokenizer_2";
  return text::load_tokenizer(model / name, index.at(name).class_name, options);
}

}  // namespace bafa::pipeline
