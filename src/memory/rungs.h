// The ladder of one phase: what it can give up, step by step, and what each step leaves it to need.
// Pure; used by the planner alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

#include "memory/needs.h"
#include "memory/planner.h"

namespace bafa::memory {

struct Rung {
  Level level = Level::turns;
  Activations activations;
  std::uint64_t weights_bytes = 0;  // of the phase's components, buffers included
  std::uint64_t buffer_bytes = 0;   // one of two; 0: nothing is streamed
  std::uint64_t copied_bytes = 0;   // for one batch, when nothing of it was on the device before
  std::size_t kept = 0;             // blocks that are not streamed, if any are

  std::uint64_t bytes() const { return weights_bytes + activations.bytes; }
};

// Never empty; the first has everything whole. Each further one needs fewer bytes than all before
// it and is copied at least as much.
std::vector<Rung> rungs_of(const PhaseNeeds& needs);

// The blocks of `needs` that pass through the buffers on this rung of its ladder.
std::set<const Block*> streamed_blocks(const PhaseNeeds& needs, const Rung& rung);

}  // namespace bafa::memory
