// How a model is kept within a memory budget, decided before anything is loaded. Pure: the same
// needs and policy give the same plan. Any thread.
//
// What is given up, least first: components take turns on the device; then attention in slices and
// the decoder in tiles; then the blocks of a component pass through two buffers while the rest
// stays; then all blocks do. Every phase gives up only what it must: weights of another phase are
// not on the device while it runs, from the second level on.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "memory/needs.h"

namespace bafa::memory {

enum class Level {
  resident,  // everything is always on the device
  turns,     // components come for their phase and are dropped after it
  sliced,    // and attention runs in slices, the decoder in tiles
  partial,   // and some blocks pass through two buffers
  streamed   // and all blocks do
};

inline constexpr std::array kLevels{Level::resident, Level::turns, Level::sliced, Level::partial,
                                    Level::streamed};

std::string_view to_string(Level level);
std::optional<Level> parse_level(std::string_view name);

struct Policy {
  std::uint64_t budget_bytes = 0;
  std::optional<Level> level;      // nothing: the first one that fits
  double bytes_per_second = 12e9;  // from host to device; above 0
};

enum class Placement { stays, takes_turns, streamed };

std::string_view to_string(Placement placement);

struct ComponentPlan {
  std::string name;
  Phase phase = Phase::encode;
  Placement placement = Placement::stays;
  std::uint64_t weights_bytes = 0;
  std::size_t blocks = 0;
  std::vector<std::string> streamed_blocks;  // in the order in which they run
};

struct PhasePlan {
  Level level = Level::resident;  // what this phase gives up
  Activations activations;
  std::uint64_t weights_bytes = 0;  // on the device while it runs, buffers included
  std::uint64_t buffer_bytes = 0;   // one of the two buffers; 0: nothing is streamed
  std::uint64_t peak_bytes = 0;     // weights and activations
  std::uint64_t copied_bytes = 0;   // weights to the device, for one batch of pictures
};

struct MemoryPlan {
  Level level = Level::resident;
  std::uint64_t budget_bytes = 0;
  std::uint64_t peak_bytes = 0;  // of the phase that needs most; at most the budget
  std::uint64_t copied_bytes = 0;
  // Time to copy them, for one batch of pictures. Prefetch hides a part of it behind the compute,
  // so it is the most that the plan costs beside what slices and tiles do.
  double extra_seconds = 0;
  std::array<PhasePlan, kPhases.size()> phases;  // by Phase
  std::vector<ComponentPlan> components;         // in the order in which they run
};

struct Refusal {
  std::uint64_t smallest_budget = 0;  // that would do, at the level that was asked for if any
  Phase phase = Phase::encode;        // the one that needs so much
};

// A higher budget never gives a higher level or more copied bytes; a plan's peak never exceeds the
// budget; a refusal's smallest budget plans and one byte less does not.
//
// With `policy.level` no more than that level's sacrifices are made, and those of the level are:
// all components take turns from `turns` on, every phase is sliced in `sliced`, the denoiser's
// blocks are streamed in `partial` and `streamed`. Where a phase has nothing to give up at a level,
// its highest one below counts.
std::variant<MemoryPlan, Refusal> plan(const ModelNeeds& needs, const Policy& policy);

// The least memory at which the level plans; the copying it costs is plan()'s at that budget.
std::uint64_t smallest_budget(const ModelNeeds& needs, Level level);

}  // namespace bafa::memory
