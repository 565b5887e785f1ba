// The way into the pipeline room, free of libtorch: load a model folder, open its tokenizer,
// describe it, watch or record what it does. Called by app; the pipeline is then owned by the one
// worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "bafa/config.h"
#include "bafa/pipeline.h"
#include "text/tokenizer.h"

namespace bafa::memory {
class Ledger;  // memory/ledger.h
}

namespace bafa::pipeline {

class Trace;  // pipeline/trace.h

enum class Stage { encode, forward, decode };

// Told how long each stage took, on the worker thread, when it has ended. `forward` is one denoiser
// call for the whole batch with its sampler step; `encode` is not told when the prompt was cached.
class StageObserver {
 public:
  virtual ~StageObserver() = default;
  virtual void observe(Stage stage, int batch, double elapsed_ms) = 0;
};

struct LoadOptions {
  std::filesystem::path path;             // a diffusers folder
  std::string device = "cpu";             // cpu, cuda:N
  std::vector<std::string> device_map{};  // as ModelConfig::device_map
  std::string dtype = "auto";             // auto, fp32, bf16
  int threads = 0;                        // of the device's kernels on a CPU; 0: one per core
  LimitsConfig limits;
  text::TokenizerOptions tokenizer;  // of every tokenizer that the model has
  MemoryConfig memory;
  std::shared_ptr<memory::Ledger> ledger;  // absent: one of its own, with the budget as its limit
  // Of encoded prompts kept; 0: none. One of SDXL takes 28 MB in bf16, the attentions' keys and
  // values being most of it, and a picture with guidance takes two.
  std::uint64_t prompt_cache_bytes = 256ull << 20;
  StageObserver* observer = nullptr;  // outlives the pipeline
  Trace* trace = nullptr;             // outlives the pipeline; records its first image
};

// Throws Error{invalid_model} for damaged or unfitting files, Error{unsupported_model} naming the
// key or class that bafa does not know, Error{invalid_config} for an unknown device or dtype,
// Error{out_of_memory} naming the smallest budget that would do when the model does not fit.
std::unique_ptr<Pipeline> load(const LoadOptions& options);

// What the loaded pipeline runs in, for logs and `bafa bench`: "fp32", "bf16".
std::string resolved_dtype(const LoadOptions& options);

// The first or second tokenizer of a model folder, as the pipeline would use it.
enum class TokenizerChoice { first, second };
std::unique_ptr<text::Tokenizer> open_tokenizer(const std::filesystem::path& model,
                                                TokenizerChoice choice = TokenizerChoice::first,
                                                text::TokenizerOptions options = {});

struct ComponentDescription {
  std::string name;        // "unet"
  std::string library;     // "diffusers"
  std::string class_name;  // "UNet2DConditionModel"
  std::size_t tensors = 0;
  std::uint64_t parameters = 0;
  std::uint64_t weights_bytes = 0;  // on disk
  bool is_run = true;               // else painting does without it, and its folder may be absent
};

struct ModelDescription {
  std::string name;
  std::string family;                            // `_class_name` of model_index.json
  std::vector<ComponentDescription> components;  // by name
  std::uint64_t weights_bytes = 0;
  std::string refusal;  // empty: bafa has this family and the classes of all its components
};

// Reads JSON and weight headers only. Throws Error{invalid_model} when they are damaged or absent.
ModelDescription describe(const std::filesystem::path& model);

}  // namespace bafa::pipeline
