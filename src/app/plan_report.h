// What `bafa plan` prints: a plan, or why there is none, for people and for programs. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "memory/planner.h"
#include "memory/workload.h"

namespace bafa::app {

// What a level needs at least, and what its copying costs then.
struct LevelRow {
  memory::Level level = memory::Level::resident;
  std::uint64_t smallest_budget = 0;
  double extra_seconds = 0;
};

// The levels of which each needs less than the one before; others are left out.
std::vector<LevelRow> level_rows(const memory::ModelNeeds& needs, double bytes_per_second);

struct PlanReport {
  std::string model;
  std::string family;
  std::string dtype;
  std::string device = "cpu";
  memory::PhaseSet phases = memory::kAllPhases;  // that run there
  memory::Workload workload;
  int steps = 0;
  std::uint64_t budget_bytes = 0;
  double bytes_per_second = 0;
  std::variant<memory::MemoryPlan, memory::Refusal> outcome;
  std::vector<LevelRow> levels;
  std::vector<std::string> left_out;  // components that painting does not use
};

std::string as_table(const PlanReport& report);
std::string as_json(const PlanReport& report);  // one line

// For standard error: what does not fit and what would.
std::string refusal_text(const PlanReport& report, const memory::Refusal& refusal);

}  // namespace bafa::app
