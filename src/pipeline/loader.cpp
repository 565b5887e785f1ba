#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bafa/error.h"
#include "base/log.h"
#include "base/text.h"
#include "device/counting_allocator.h"
#include "device/cpu_features.h"
#include "device/device.h"
#include "pipeline/families/family.h"
#include "pipeline/load.h"
#include "pipeline/model_index.h"
#include "pipeline/model_settings.h"
#include "pipeline/residency.h"
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

memory::DataType memory_type(at::ScalarType dtype) {
  return dtype == at::kFloat ? memory::DataType::fp32 : memory::DataType::bf16;
}

// As nn::attention() decides.
bool attends_by_rows(at::ScalarType dtype) {
  const device::CpuFeatures& cpu = device::cpu_features();
  return dtype == at::kBFloat16 && cpu.avx512_bf16 && !cpu.amx_bf16;
}

// The plan is made here, before any weight is read.
std::unique_ptr<Residency> open_residency(const LoadOptions& options, at::ScalarType dtype,
                                          std::shared_ptr<const device::Device> device) {
  const MemoryConfig& memory = options.memory;
  if (memory.budget_bytes == 0 && memory.level != "auto") {
    throw Error(ErrorCode::invalid_config,
                "memory.level " + printable(memory.level) +
                    " needs a budget to keep within: memory.budget_bytes",
                "memory.level");
  }
  const std::uint64_t limit =
      memory.budget_bytes == 0 ? memory::Ledger::kNoLimit : memory.budget_bytes;
  MemoryFacts facts = read_memory_facts(options.path, memory_type(dtype));
  if (device->torch_device().is_cpu()) {
    facts.usual.kernels =
        attends_by_rows(dtype) ? memory::Kernels::cpu_with_rows : memory::Kernels::cpu;
  }
  return std::make_unique<Residency>(
      std::move(facts),
      ResidencyOptions{
          .budget_bytes = memory.budget_bytes,
          .level = memory::parse_level(memory.level),
          .ledger = options.ledger ? options.ledger : std::make_shared<memory::Ledger>(limit),
          .device = std::move(device),
          .host = {.folder = memory.host_folder, .limit_bytes = memory.host_limit_bytes},
          .explain = memory.explain ? Explain::moves : Explain::nothing});
}

// On paper first: what is missing or does not fit is refused before memory is taken.
void check_parts(const Family& family, const ModelIndex& index, LoadTarget target) {
  target.device = at::kMeta;
  target.component = [](const std::string&) { return nullptr; };
  family.load(index, target);
}

Parts load_parts(const Family& family, const ModelIndex& index, const LoadTarget& target,
                 Residency& residency) {
  const device::LedgerScope counted(residency.ledger(), memory::Kind::weights);
  Parts parts = family.load(index, target);
  residency.loaded();
  return parts;
}

// What the plan leaves over.
std::uint64_t room_for_prompts(const LoadOptions& options, const Residency& residency) {
  if (options.memory.budget_bytes == 0) return options.prompt_cache_bytes;
  return std::min(options.prompt_cache_bytes,
                  options.memory.budget_bytes - residency.plan().peak_bytes);
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
  const std::shared_ptr<const device::Device> device =
      device::open_device(options.device, options.threads);
  const ModelIndex index = read_model_index(options.path);
  LoadTarget target{.dtype = parse_dtype(options.dtype, *device, index),
                    .device = device->torch_device(),
                    .tokenizer = options.tokenizer};

  const ModelSettings settings = read_model_settings(options.path);
  const Family& family = family_of(index);
  auto samplers = load_samplers(index, settings, family.scheduler_fix);
  auto residency = open_residency(options, target.dtype, device);
  target.component = [&residency](const std::string& name) { return &residency->component(name); };
  check_parts(family, index, target);
  Parts parts = load_parts(family, index, target, *residency);
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
                                        parts.guidance == Guidance::from_negative,
                   .limits_guidance = parts.guidance == Guidance::beyond_prompt};
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
                         .prompt_cache_bytes = room_for_prompts(options, *residency),
                         .observer = options.observer,
                         .trace = options.trace};
  return std::make_unique<TextToImage>(std::move(parts), std::move(run), std::move(residency));
}

std::unique_ptr<text::Tokenizer> open_tokenizer(const std::filesystem::path& model,
                                                TokenizerChoice choice,
                                                text::TokenizerOptions options) {
  const ModelIndex index = read_model_index(model);
  const std::string name = choice == TokenizerChoice::first ? "tokenizer" : "tokenizer_2";
  return text::load_tokenizer(model / name, index.at(name).class_name, options);
}

}  // namespace bafa::pipeline
