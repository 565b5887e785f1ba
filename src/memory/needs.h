// What a model asks of a device's memory for one batch of pictures, as numbers: weights by
// component and block, and what each phase needs beside them. Made from headers and formulas,
// before anything is loaded; the planner's input. Plain values.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bafa::memory {

enum class Phase { encode, denoise, decode };

inline constexpr std::array kPhases{Phase::encode, Phase::denoise, Phase::decode};

constexpr std::string_view to_string(Phase phase) {
  switch (phase) {
    case Phase::encode: return "encode";
    case Phase::denoise: return "denoise";
    case Phase::decode: return "decode";
  }
  return "";
}

// Weights that are used together, and so can be brought and dropped together.
struct Block {
  std::string name;  // the prefix of its tensors' names
  std::uint64_t bytes = 0;
};

struct ComponentWeights {
  std::string name;                 // "text_encoder"
  std::uint64_t outside_bytes = 0;  // of no block: on the device whenever the component runs
  std::vector<Block> blocks;        // in the order in which they run

  std::uint64_t bytes() const {
    std::uint64_t sum = outside_bytes;
    for (const Block& block : blocks) sum += block.bytes;
    return sum;
  }
};

// What a phase needs beside its weights: activations, workspace, and what waits for a later phase.
struct Activations {
  std::uint64_t bytes = 0;
  bool one_by_one = false;  // the batch's pictures in turn
  std::int64_t tile = 0;    // latents along a side of one decoded tile; 0: the whole picture
};

struct PhaseNeeds {
  std::vector<ComponentWeights> components;
  std::vector<Activations> activations;  // never empty; first without any sacrifice, then worse
  int evaluations = 1;                   // how often the components run for one batch
};

// Some of the phases, by Phase: those that run on one device.
using PhaseSet = std::array<bool, kPhases.size()>;

inline constexpr PhaseSet kAllPhases{true, true, true};

using ModelNeeds = std::array<PhaseNeeds, kPhases.size()>;  // by Phase

constexpr std::size_t index_of(Phase phase) { return static_cast<std::size_t>(phase); }

}  // namespace bafa::memory
