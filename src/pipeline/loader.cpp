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
#include "memory/device_map.h"
#include "pipeline/families/family.h"
#include "pipeline/load.h"
#include "pipeline/model_index.h"
#include "pipeline/model_settings.h"
#include "pipeline/residencies.h"
#include "pipeline/text_to_image.h"
#include "sampler/load.h"

namespace bafa::pipeline {
namespace {

using memory::MappedDevice;
using memory::Phase;

// A device of the map, opened.
struct OpenDevice {
  MappedDevice mapped;
  std::shared_ptr<const device::Device> device;
};

// The denoiser's first.
std::vector<OpenDevice> open_devices(const LoadOptions& options) {
  std::vector<OpenDevice> devices;
  const ModelConfig model{.device = options.device, .device_map = options.device_map};
  for (MappedDevice& mapped : memory::map_devices(model, options.memory)) {
    auto device = device::open_device(
        {.name = mapped.name, .field = mapped.field, .threads = options.threads});
    devices.push_back({std::move(mapped), std::move(device)});
  }
  return devices;
}

// What the denoiser's device is fastest at, if the others can do it.
at::ScalarType best_dtype(const std::vector<OpenDevice>& devices) {
  const at::ScalarType best = devices.front().device->best_dtype();
  const bool all = std::ranges::all_of(
      devices, [best](const OpenDevice& each) { return each.device->runs(best); });
  return all ? best : at::kFloat;
}

at::ScalarType parse_dtype(const std::string& name, const std::vector<OpenDevice>& devices,
                           const ModelIndex& index) {
  if (name == "auto") {
    const Family* family = find_family(index);
    return family != nullptr && family->dtype ? *family->dtype : best_dtype(devices);
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
  for (const OpenDevice& each : devices) {
    if (each.device->runs(*chosen)) continue;
    throw Error(ErrorCode::invalid_config,
                "dtype " + name + " is not for " + each.device->name() +
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

void refuse_level_without_budget(const MemoryConfig& memory) {
  if (memory.budget_bytes != 0 || memory.level == "auto") return;
  throw Error(ErrorCode::invalid_config,
              "memory.level " + printable(memory.level) +
                  " needs a budget to keep within: memory.budget_bytes",
              "memory.level");
}

// What the model asks of the device alone.
MemoryFacts facts_on(const OpenDevice& here, MemoryFacts facts, at::ScalarType dtype) {
  facts.here = here.mapped.phases;
  if (here.device->torch_device().is_cpu()) {
    facts.usual.kernels =
        attends_by_rows(dtype) ? memory::Kernels::cpu_with_rows : memory::Kernels::cpu;
  }
  return facts;
}

ResidencyOptions residency_options(const LoadOptions& options, const OpenDevice& here,
                                   bool denoises) {
  const MemoryConfig& memory = options.memory;
  const std::uint64_t budget = here.mapped.budget_bytes;
  ResidencyOptions made{
      .device_name = here.mapped.name,
      .budget_bytes = budget,
      .level = memory::parse_level(memory.level),
      .ledger = denoises ? options.ledger : nullptr,
      .device = here.device,
      .host = {.folder = memory.host_folder, .limit_bytes = memory.host_limit_bytes},
      .explain = memory.explain ? Explain::moves : Explain::nothing};
  if (!made.ledger) {
    made.ledger = std::make_shared<memory::Ledger>(budget == 0 ? memory::Ledger::kNoLimit : budget);
  }
  if (!denoises) {
    made.budget_field = "memory.device_budgets";
    made.budget_option = "--device-budget " + here.mapped.name + "=";
  }
  if (budget == 0) made.level.reset();
  return made;
}

// The plans are made here, before any weight is read.
Residencies open_residencies(const LoadOptions& options, at::ScalarType dtype,
                             const std::vector<OpenDevice>& devices) {
  refuse_level_without_budget(options.memory);
  const MemoryFacts facts = read_memory_facts(options.path, memory_type(dtype));
  std::vector<std::unique_ptr<Residency>> residencies;
  for (const OpenDevice& here : devices) {
    residencies.push_back(std::make_unique<Residency>(
        facts_on(here, facts, dtype),
        residency_options(options, here, /*denoises=*/residencies.empty())));
  }
  return Residencies(std::move(residencies));
}

// On paper first: what is missing or does not fit is refused before memory is taken.
void check_parts(const Family& family, const ModelIndex& index, LoadTarget target) {
  target.devices = {.encoder = at::kMeta, .denoiser = at::kMeta, .decoder = at::kMeta};
  target.component = [](const std::string&) { return nullptr; };
  family.load(index, target);
}

Parts load_parts(const Family& family, const ModelIndex& index, const LoadTarget& target,
                 Residencies& residencies) {
  const device::LedgerScope counted(residencies.of(Phase::denoise).ledger(), memory::Kind::weights);
  Parts parts = family.load(index, target);
  residencies.loaded();
  return parts;
}

PartDevices part_devices(const Residencies& residencies) {
  return {.encoder = residencies.of(Phase::encode).device(),
          .denoiser = residencies.of(Phase::denoise).device(),
          .decoder = residencies.of(Phase::decode).device()};
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
  return dtype_name(
      parse_dtype(options.dtype, open_devices(options), read_model_index(options.path)));
}

std::unique_ptr<Pipeline> load(const LoadOptions& options) {
  const c10::InferenceMode inference;
  const std::vector<OpenDevice> devices = open_devices(options);
  const ModelIndex index = read_model_index(options.path);
  LoadTarget target{.dtype = parse_dtype(options.dtype, devices, index),
                    .tokenizer = options.tokenizer};

  const ModelSettings settings = read_model_settings(options.path);
  const Family& family = family_of(index);
  auto samplers = load_samplers(index, settings, family.scheduler_fix);
  Residencies residencies = open_residencies(options, target.dtype, devices);
  target.devices = part_devices(residencies);
  target.component = [&residencies](const std::string& name) {
    return &residencies.component(name);
  };
  check_parts(family, index, target);
  Parts parts = load_parts(family, index, target, residencies);
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
  spdlog::info("model_loaded family={} device={} dtype={}", index.family,
               devices.front().mapped.name, dtype_name(target.dtype));
  TextToImageOptions run{
      .capabilities = make_capabilities(settings, facts, options.limits),
      .preview = settings.preview,
      .device = target.devices.denoiser,
      .dtype = dtype_name(target.dtype),
      .prompt_cache_bytes = room_for_prompts(options, residencies.of(Phase::denoise)),
      .observer = options.observer,
      .trace = options.trace};
  return std::make_unique<TextToImage>(std::move(parts), std::move(run), std::move(residencies));
}

std::unique_ptr<text::Tokenizer> open_tokenizer(const std::filesystem::path& model,
                                                TokenizerChoice choice,
                                                text::TokenizerOptions options) {
  const ModelIndex index = read_model_index(model);
  const std::string name = choice == TokenizerChoice::first ? "tokenizer" : "tokenizer_2";
  return text::load_tokenizer(model / name, index.at(name).class_name, options);
}

}  // namespace bafa::pipeline
