// What a model's networks ask of memory, read once from a folder's JSON and weight headers, and
// what painting a given picture asks then: needs_of() is a formula, quick enough for every request.
// read_memory_facts() is called by any one thread, the rest by any.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <variant>
#include <vector>

#include "memory/needs.h"
#include "memory/workload.h"

namespace bafa::pipeline {

struct EncoderMemory {
  memory::ComponentWeights weights;
  memory::TransformerFacts facts;
};

struct MemoryFacts {
  std::string name;
  std::string family;
  memory::DataType type = memory::DataType::bf16;          // that the networks run in
  memory::DataType decoder_type = memory::DataType::bf16;  // the decoder, where it overflows `type`
  std::vector<EncoderMemory> encoders;                     // in the order in which they run
  memory::ComponentWeights denoiser;
  std::variant<memory::UNetFacts, memory::DiffusionTransformerFacts> denoiser_facts;
  memory::ComponentWeights decoder;
  memory::DecoderFacts decoder_facts;
  std::vector<std::string> left_out;  // components with weights that painting does not use

  memory::PhaseSet here = memory::kAllPhases;  // on the device that is asked about

  // What a request has that says nothing else.
  memory::Workload usual;
  int steps = 0;
  double guidance_scale = 1;

  std::int64_t scale() const { return decoder_facts.scale(); }
  std::int64_t multiple() const;       // of pixels, along a side
  bool guides(double guidance) const;  // whether every picture is seen twice
};

// Throws Error{invalid_model} for damaged files and missing components, Error{unsupported_model}
// when there is no denoiser of a known name.
MemoryFacts read_memory_facts(const std::filesystem::path& model, memory::DataType type);

// Of the device that the facts are about: phases that run elsewhere need nothing.
memory::ModelNeeds needs_of(const MemoryFacts& facts, const memory::Workload& work, int steps);

}  // namespace bafa::pipeline
