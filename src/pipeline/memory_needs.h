// What painting with a model asks of memory, from its folder's JSON and weight headers alone, in
// well under a second; also for families that bafa cannot run yet. Called by any one thread.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "bafa/request.h"
#include "memory/needs.h"
#include "memory/workload.h"

namespace bafa::pipeline {

struct MemoryQuestion {
  std::filesystem::path model;
  memory::DataType type = memory::DataType::bf16;  // that the networks run in
  // width, height, steps, guidance_scale and count (the batch) are read; absent: the model's own.
  GenerateRequest request;
  memory::PhaseSet here = memory::kAllPhases;  // that run on the device that is asked about
};

struct MemoryAnswer {
  std::string name;
  std::string family;
  memory::Workload workload;
  int steps = 0;
  memory::ModelNeeds needs;
  std::vector<std::string> left_out;  // components with weights that painting does not use
};

// Throws Error{invalid_model} for damaged files and missing components, Error{unsupported_model}
// when there is no denoiser of a known name, Error{unsupported_size, invalid_value} for a request
// that the model's networks cannot be given.
MemoryAnswer memory_needs(const MemoryQuestion& question);

}  // namespace bafa::pipeline
