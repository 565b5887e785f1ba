#include "memory/planner.h"

#include <algorithm>
#include <set>
#include <span>
#include <utility>

#include "base/check.h"
#include "memory/rungs.h"

namespace bafa::memory {
namespace {

constexpr std::size_t kMaxComponents = 12;  // their subsets are tried one by one

using Ladders = std::array<std::vector<Rung>, kPhases.size()>;
using Choice = std::array<const Rung*, kPhases.size()>;

Ladders ladders_of(const ModelNeeds& needs) {
  Ladders ladders;
  for (const Phase phase : kPhases) ladders[index_of(phase)] = rungs_of(needs[index_of(phase)]);
  return ladders;
}

// The components that are always on the device, as bits in the order of phases and components.
using Stays = std::uint32_t;

struct Member {
  Phase phase;
  const ComponentWeights* weights;
};

std::vector<Member> members_of(const ModelNeeds& needs) {
  std::vector<Member> members;
  for (const Phase phase : kPhases) {
    for (const ComponentWeights& weights : needs[index_of(phase)].components) {
      members.push_back({phase, &weights});
    }
  }
  CHECK(members.size() <= kMaxComponents);
  return members;
}

bool stays(Stays set, std::size_t member) { return (set >> member & 1) != 0; }

// Bytes of those that stay without being of this phase.
std::uint64_t guests(const std::vector<Member>& members, Stays set, Phase phase) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (stays(set, i) && members[i].phase != phase) sum += members[i].weights->bytes();
  }
  return sum;
}

std::uint64_t copied(const std::vector<Member>& members, Stays set) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (!stays(set, i)) sum += members[i].weights->bytes();
  }
  return sum;
}

bool fits(const std::vector<Member>& members, const Ladders& ladders, Stays set,
          std::uint64_t budget) {
  return std::ranges::all_of(kPhases, [&](Phase phase) {
    const Rung& whole = ladders[index_of(phase)].front();
    return whole.bytes() + guests(members, set, phase) <= budget;
  });
}

// Of the sets that fit without slices and streams, the one that is copied least; none fits:
// nothing.
std::optional<Stays> best_stays(const std::vector<Member>& members, const Ladders& ladders,
                                std::uint64_t budget) {
  std::optional<Stays> best;
  for (Stays set = 0; set < Stays{1} << members.size(); ++set) {
    if (!fits(members, ladders, set, budget)) continue;
    if (!best || copied(members, set) < copied(members, *best)) best = set;
  }
  return best;
}

// The rungs that a phase may stand on; never empty.
std::span<const Rung> allowed(const std::vector<Rung>& ladder, Phase phase,
                              std::optional<Level> level) {
  if (!level) return ladder;
  const auto end = std::ranges::find_if(ladder, [&](const Rung& r) { return r.level > *level; });
  const std::span<const Rung> up_to(ladder.begin(), end);
  const bool held = phase == Phase::denoise || *level <= Level::sliced;
  if (!held) return up_to;
  const auto begin = std::ranges::find(up_to, up_to.back().level, &Rung::level);
  return up_to.subspan(static_cast<std::size_t>(begin - up_to.begin()));
}

struct Search {
  Choice choice{};
  std::optional<Refusal> refusal;
};

// In every phase the first rung that fits, or what the phase that needs most would do with.
Search search(const Ladders& ladders, const Policy& policy) {
  Search found;
  for (const Phase phase : kPhases) {
    const std::span<const Rung> open = allowed(ladders[index_of(phase)], phase, policy.level);
    const auto rung =
        std::ranges::find_if(open, [&](const Rung& r) { return r.bytes() <= policy.budget_bytes; });
    if (rung != open.end()) {
      found.choice[index_of(phase)] = &*rung;
    } else if (!found.refusal || found.refusal->smallest_budget < open.back().bytes()) {
      found.refusal = Refusal{open.back().bytes(), phase};
    }
  }
  return found;
}

ComponentPlan component_plan(const Member& member, bool stays,
                             const std::set<const Block*>& streamed) {
  ComponentPlan plan{.name = member.weights->name,
                     .phase = member.phase,
                     .placement = stays ? Placement::stays : Placement::takes_turns,
                     .weights_bytes = member.weights->bytes(),
                     .blocks = member.weights->blocks.size(),
                     .streamed_blocks = {}};
  for (const Block& block : member.weights->blocks) {
    if (streamed.contains(&block)) plan.streamed_blocks.push_back(block.name);
  }
  if (!plan.streamed_blocks.empty()) plan.placement = Placement::streamed;
  return plan;
}

PhasePlan phase_plan(const std::vector<Member>& members, Stays set, Phase phase, const Rung& rung) {
  PhasePlan plan{.level = rung.level,
                 .activations = rung.activations,
                 .weights_bytes = rung.weights_bytes + guests(members, set, phase),
                 .buffer_bytes = rung.buffer_bytes,
                 .peak_bytes = 0,
                 .copied_bytes = rung.copied_bytes};
  bool some_leave = false;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (members[i].phase != phase) continue;
    if (stays(set, i)) {
      plan.copied_bytes -= members[i].weights->bytes();
    } else {
      some_leave = true;
    }
  }
  if (!some_leave && plan.level == Level::turns) plan.level = Level::resident;
  plan.peak_bytes = plan.weights_bytes + plan.activations.bytes;
  return plan;
}

struct Decision {
  Choice choice{};
  Stays set = 0;
};

MemoryPlan build(const ModelNeeds& needs, const Decision& decision, const Policy& policy) {
  const std::vector<Member> members = members_of(needs);
  std::array<std::set<const Block*>, kPhases.size()> streamed;
  MemoryPlan plan{.budget_bytes = policy.budget_bytes};
  for (const Phase phase : kPhases) {
    PhasePlan& own = plan.phases[index_of(phase)];
    const Rung& rung = *decision.choice[index_of(phase)];
    own = phase_plan(members, decision.set, phase, rung);
    streamed[index_of(phase)] = streamed_blocks(needs[index_of(phase)], rung);
    plan.level = std::max(plan.level, own.level);
    plan.peak_bytes = std::max(plan.peak_bytes, own.peak_bytes);
    plan.copied_bytes += own.copied_bytes;
  }
  for (std::size_t i = 0; i < members.size(); ++i) {
    plan.components.push_back(
        component_plan(members[i], stays(decision.set, i), streamed[index_of(members[i].phase)]));
  }
  plan.extra_seconds = static_cast<double>(plan.copied_bytes) / policy.bytes_per_second;
  return plan;
}

Choice first_rungs(const Ladders& ladders) {
  Choice choice{};
  for (const Phase phase : kPhases) choice[index_of(phase)] = &ladders[index_of(phase)].front();
  return choice;
}

// What the phases would need if everything stayed.
Refusal resident_needs(const std::vector<Member>& members, const Ladders& ladders) {
  const Stays all = (Stays{1} << members.size()) - 1;
  Refusal most;
  for (const Phase phase : kPhases) {
    const std::uint64_t bytes =
        ladders[index_of(phase)].front().bytes() + guests(members, all, phase);
    if (bytes > most.smallest_budget) most = {bytes, phase};
  }
  return most;
}

}  // namespace

std::string_view to_string(Level level) {
  switch (level) {
    case Level::resident: return "resident";
    case Level::turns: return "turns";
    case Level::sliced: return "sliced";
    case Level::partial: return "partial";
    case Level::streamed: return "streamed";
  }
  return "";
}

std::optional<Level> parse_level(std::string_view name) {
  for (const Level level : kLevels) {
    if (to_string(level) == name) return level;
  }
  return std::nullopt;
}

std::string_view to_string(Placement placement) {
  switch (placement) {
    case Placement::stays: return "stays";
    case Placement::takes_turns: return "takes turns";
    case Placement::streamed: return "streamed";
  }
  return "";
}

std::variant<MemoryPlan, Refusal> plan(const ModelNeeds& needs, const Policy& policy) {
  CHECK(policy.bytes_per_second > 0);
  const std::vector<Member> members = members_of(needs);
  const Ladders ladders = ladders_of(needs);
  if (policy.level == Level::resident) {
    const Refusal most = resident_needs(members, ladders);
    if (most.smallest_budget > policy.budget_bytes) return most;
    const Stays all = (Stays{1} << members.size()) - 1;
    return build(needs, {first_rungs(ladders), all}, policy);
  }
  if (!policy.level) {
    const std::optional<Stays> set = best_stays(members, ladders, policy.budget_bytes);
    if (set) return build(needs, {first_rungs(ladders), *set}, policy);
  }
  const Search found = search(ladders, policy);
  if (found.refusal) return *found.refusal;
  return build(needs, {found.choice, 0}, policy);
}

std::uint64_t smallest_budget(const ModelNeeds& needs, Level level) {
  const auto result = plan(needs, {.budget_bytes = 0, .level = level});
  const Refusal* const refusal = std::get_if<Refusal>(&result);
  return refusal != nullptr ? refusal->smallest_budget : 0;
}

}  // namespace bafa::memory
