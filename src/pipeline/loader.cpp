#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "bafa/error.h"
#include "base/text.h"
#include "device/cpu_features.h"
#include "pipeline/families/family.h"
#include "pipeline/load.h"
#include "pipeline/model_index.h"
#include "pipeline/model_settings.h"
#include "pipeline/text_to_image.h"

namespace bafa::pipeline {
namespace {

at::Device parse_device(const std::string& name) {
  if (name == "cpu") return at::kCPU;
  throw Error(ErrorCode::invalid_config,
              "device " + printable(name) + " is not available: this build runs on cpu", "device");
}

// bf16 where the processor multiplies it, because emulated it is slower than fp32.
at::ScalarType parse_dtype(const std::string& name) {
  if (name == "fp32") return at::kFloat;
  if (name == "bf16") return at::kBFloat16;
  if (name == "auto") {
    const device::CpuFeatures& cpu = device::cpu_features();
    return cpu.avx512_bf16 || cpu.amx_bf16 ? at::kBFloat16 : at::kFloat;
  }
  if (name == "fp16")
    throw Error(ErrorCode::invalid_config,
                "dtype fp16 is not for a CPU, which computes it many times slower than bf16 or fp32; "
                "fp16 weights are converted when they are loaded",
                "dtype");
  throw Error(ErrorCode::invalid_config,
              "dtype " + printable(name) + " is unknown; it is auto, fp32 or bf16", "dtype");
}

std::string dtype_name(at::ScalarType dtype) { return dtype == at::kFloat ? "fp32" : "bf16"; }

}  // namespace

std::string resolved_dtype(const LoadOptions& options) {
  return dtype_name(parse_dtype(options.dtype));
}

std::unique_ptr<Pipeline> load(const LoadOptions& options) {
  const c10::InferenceMode inference;
  const LoadTarget target{.dtype = parse_dtype(options.dtype),
                          .device = parse_device(options.device)};
  const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
  at::set_num_threads(options.threads > 0 ? options.threads : static_cast<int>(cores));

  const ModelIndex index = read_model_index(options.path);
  const ModelSettings settings = read_model_settings(options.path);
  Parts parts = family_of(index).load(index, target);
  const ModelFacts facts{.family = index.family,
                         .native_side = parts.native_side,
                         .multiple = parts.decoder->scale(),
                         .max_prompt_tokens = parts.conditioner->max_tokens(),
                         .sampler = std::string(parts.sampler->name()),
                         .latent_channels = parts.denoiser->latent_channels()};
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
