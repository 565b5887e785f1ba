// What the planner wants to know of a checkpoint's networks, read from their config.json and weight
// headers without loading them. Lenient where loading is strict: a key that bafa does not run is no
// hindrance to counting bytes. Called by any one thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/component_config.h"
#include "memory/blocks.h"
#include "memory/workload.h"
#include "pipeline/model_index.h"

namespace bafa::pipeline {

// The weights of one component that painting uses, in the dtype it runs in.
struct NetworkWeights {
  std::vector<memory::TensorBytes> tensors;
  // Of the matrix with the most elements in any block, where there is one: a feed-forward's.
  std::int64_t features = 0;  // the smaller side
  std::int64_t widest = 0;    // the larger side
};

// Throws Error{invalid_model} for damaged headers, Error{unsupported_model} for quantised weights.
NetworkWeights read_weights(const ModelIndex& index, const std::string& name,
                            memory::DataType type);

ComponentConfig open_config(const ModelIndex& index, const std::string& name);

// Each throws Error{invalid_model} for values that cannot be.
memory::UNetFacts read_unet_facts(ComponentConfig& config);
memory::DecoderFacts read_decoder_facts(ComponentConfig& config);
memory::TransformerFacts read_encoder_facts(ComponentConfig& config, const NetworkWeights& weights);
memory::DiffusionTransformerFacts read_transformer_facts(ComponentConfig& config,
                                                         const NetworkWeights& weights);

}  // namespace bafa::pipeline
