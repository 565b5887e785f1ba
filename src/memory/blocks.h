// Which tensors of a component make a block: the unit that is streamed. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "memory/needs.h"

namespace bafa::memory {

// The part of a tensor's name that names its block: up to the first index of a list of layers, so
// "layers.3" of "layers.3.attention.to_q.weight", "up_blocks.1.attentions.0" of what is in there,
// "text_model.encoder.layers.7", "noise_refiner.1". Empty for what is in no block: embeddings,
// first and last layers, and what runs for all blocks together before them: a U-Net's
// time_emb_proj, a transformer's adaLN_modulation.
std::string_view block_name(std::string_view tensor);

struct TensorBytes {
  std::string name;
  std::uint64_t bytes = 0;
};

// Blocks come in the order in which networks of the known families run them.
ComponentWeights group_blocks(std::string component, const std::vector<TensorBytes>& tensors);

}  // namespace bafa::memory
