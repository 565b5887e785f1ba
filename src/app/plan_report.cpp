#include "app/plan_report.h"

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/bytes.h"
#include "memory/device_map.h"

namespace bafa::app {
namespace {

using memory::Activations;
using memory::ComponentPlan;
using memory::MemoryPlan;
using memory::Phase;
using memory::PhasePlan;
using memory::Placement;
using memory::Refusal;
using OrderedJson = nlohmann::ordered_json;

constexpr double kGiga = 1e9;
constexpr double kMillion = 1e6;

double rounded(double value) { return std::round(value * kMillion) / kMillion; }

std::string with_digits(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof(text), "%.*f", digits, value);
  return text;
}

std::string seconds(double value) { return with_digits(value, value < 10 ? 2 : 1) + " s"; }

// Cells padded to columns; the first is at the left, the numbers at the right, the last is free.
std::string row(const std::vector<std::pair<std::string, int>>& cells) {
  std::string line;
  for (const auto& [text, width] : cells) {
    const auto missing = static_cast<std::size_t>(std::abs(width));
    const std::string pad(text.size() < missing ? missing - text.size() : 0, ' ');
    line += width < 0 ? text + pad : pad + text;
    line += "  ";
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

std::string how(const PhasePlan& phase) {
  std::string text;
  const auto add = [&text](const std::string& what) { text += (text.empty() ? "" : ", ") + what; };
  const Activations& own = phase.activations;
  if (own.one_by_one) add("one picture at a time");
  if (own.tile > 0) add("tiles of " + std::to_string(own.tile) + " latents");
  if (phase.buffer_bytes > 0) add("two buffers of " + shown_bytes(phase.buffer_bytes));
  return text.empty() ? "whole" : text;
}

std::string how(const ComponentPlan& part) {
  if (part.placement == Placement::stays) return "always on the device";
  if (part.placement == Placement::takes_turns) {
    return "comes to " + std::string(to_string(part.phase)) + ", then leaves";
  }
  const std::size_t streamed = part.streamed_blocks.size();
  return std::to_string(part.blocks - streamed) + " of " + std::to_string(part.blocks) +
         " blocks stay to " + std::string(to_string(part.phase)) + ", " + std::to_string(streamed) +
         " pass through the buffers";
}

// Of a device map: "on cuda:0: denoiser, decoder".
std::string place(const PlanReport& report) {
  if (report.phases == memory::kAllPhases) return "";
  std::string text;
  for (const Phase phase : memory::kPhases) {
    if (!report.phases[index_of(phase)]) continue;
    text += (text.empty() ? "" : ", ") + std::string(memory::component_of(phase));
  }
  return "on " + report.device + ": " + text + "\n";
}

std::string head(const PlanReport& report) {
  const memory::Workload& work = report.workload;
  return report.model + "  " + report.family + "  " + report.dtype + ", " +
         std::to_string(work.width) + "x" + std::to_string(work.height) + ", batch " +
         std::to_string(work.batch) + (work.guided ? " guided" : "") + ", " +
         std::to_string(report.steps) + " steps, " + std::to_string(work.tokens) +
         " prompt tokens\n" + place(report);
}

std::string bandwidth(const PlanReport& report) {
  return with_digits(report.bytes_per_second / kGiga, 1) + " GB/s";
}

std::string table_of(const MemoryPlan& plan, const PlanReport& report) {
  std::string text = "budget " + shown_bytes(plan.budget_bytes) + ": " +
                     std::string(to_string(plan.level)) + ", peak " + shown_bytes(plan.peak_bytes) +
                     ", at most " + seconds(plan.extra_seconds) + " more a batch, copying " +
                     shown_bytes(plan.copied_bytes) + " at " + bandwidth(report) + "\n\n";
  text += row({{"phase", -10},
               {"peak", 11},
               {"weights", 11},
               {"activations", 11},
               {"copied", 11},
               {"how", -3}});
  for (const Phase phase : memory::kPhases) {
    if (!report.phases[index_of(phase)]) continue;
    const PhasePlan& own = plan.phases[index_of(phase)];
    text += row({{std::string(to_string(phase)), -10},
                 {shown_bytes(own.peak_bytes), 11},
                 {shown_bytes(own.weights_bytes), 11},
                 {shown_bytes(own.activations.bytes), 11},
                 {shown_bytes(own.copied_bytes), 11},
                 {how(own), -1}});
  }
  text += "\n" + row({{"component", -16}, {"weights", 11}, {"where", -5}});
  for (const ComponentPlan& part : plan.components) {
    text += row({{part.name, -16}, {shown_bytes(part.weights_bytes), 11}, {how(part), -1}});
  }
  return text;
}

std::string levels_table(const PlanReport& report) {
  std::string text = "\n" + row({{"level", -10}, {"from", 11}, {"then more a batch", 17}});
  for (const LevelRow& level : report.levels) {
    text += row({{std::string(to_string(level.level)), -10},
                 {shown_bytes(level.smallest_budget), 11},
                 {seconds(level.extra_seconds), 17}});
  }
  for (const std::string& name : report.left_out) text += "not used to paint: " + name + "\n";
  return text + "activations are estimates\n";
}

OrderedJson json_of(const PhasePlan& phase, Phase which) {
  return {{"phase", to_string(which)},
          {"level", to_string(phase.level)},
          {"peak_bytes", phase.peak_bytes},
          {"weights_bytes", phase.weights_bytes},
          {"activations_bytes", phase.activations.bytes},
          {"buffer_bytes", phase.buffer_bytes},
          {"copied_bytes", phase.copied_bytes},
          {"one_by_one", phase.activations.one_by_one},
          {"tile", phase.activations.tile}};
}

OrderedJson json_of(const ComponentPlan& part) {
  return {{"name", part.name},
          {"phase", to_string(part.phase)},
          {"placement", to_string(part.placement)},
          {"weights_bytes", part.weights_bytes},
          {"blocks", part.blocks},
          {"streamed_blocks", part.streamed_blocks}};
}

OrderedJson json_of(const MemoryPlan& plan, const memory::PhaseSet& phases) {
  OrderedJson json = {
      {"level", to_string(plan.level)},    {"peak_bytes", plan.peak_bytes},
      {"copied_bytes", plan.copied_bytes}, {"extra_seconds", rounded(plan.extra_seconds)},
      {"phases", OrderedJson::array()},    {"components", OrderedJson::array()}};
  for (const Phase phase : memory::kPhases) {
    if (!phases[index_of(phase)]) continue;
    json["phases"].push_back(json_of(plan.phases[index_of(phase)], phase));
  }
  for (const ComponentPlan& part : plan.components) json["components"].push_back(json_of(part));
  return json;
}

}  // namespace

std::vector<LevelRow> level_rows(const memory::ModelNeeds& needs, double bytes_per_second) {
  std::vector<LevelRow> rows;
  for (const memory::Level level : memory::kLevels) {
    const std::uint64_t smallest = smallest_budget(needs, level);
    if (!rows.empty() && smallest >= rows.back().smallest_budget) continue;
    const auto made = plan(
        needs, {.budget_bytes = smallest, .level = level, .bytes_per_second = bytes_per_second});
    rows.push_back({level, smallest, std::get<MemoryPlan>(made).extra_seconds});
  }
  return rows;
}

std::string refusal_text(const PlanReport& report, const Refusal& refusal) {
  return report.model + " does not fit into " + shown_bytes(report.budget_bytes) + ": to " +
         std::string(to_string(refusal.phase)) + " takes " + shown_bytes(refusal.smallest_budget) +
         "; --budget " + as_mib_option(refusal.smallest_budget) + " would do";
}

std::string as_table(const PlanReport& report) {
  std::string text = head(report);
  if (const auto* const made = std::get_if<MemoryPlan>(&report.outcome)) {
    text += table_of(*made, report);
  }
  return text + levels_table(report);
}

std::string as_json(const PlanReport& report) {
  const memory::Workload& work = report.workload;
  OrderedJson json = {{"model", report.model},
                      {"family", report.family},
                      {"dtype", report.dtype},
                      {"device", report.device},
                      {"size", std::to_string(work.width) + "x" + std::to_string(work.height)},
                      {"batch", work.batch},
                      {"guided", work.guided},
                      {"steps", report.steps},
                      {"prompt_tokens", work.tokens},
                      {"budget_bytes", report.budget_bytes},
                      {"bytes_per_second", report.bytes_per_second},
                      {"plan", nullptr},
                      {"smallest_budget_bytes", nullptr},
                      {"levels", OrderedJson::array()},
                      {"left_out", report.left_out}};
  if (const auto* const made = std::get_if<MemoryPlan>(&report.outcome)) {
    json["plan"] = json_of(*made, report.phases);
  } else {
    json["smallest_budget_bytes"] = std::get<Refusal>(report.outcome).smallest_budget;
  }
  for (const LevelRow& level : report.levels) {
    json["levels"].push_back({{"level", to_string(level.level)},
                              {"smallest_budget_bytes", level.smallest_budget},
                              {"extra_seconds", rounded(level.extra_seconds)}});
  }
  return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

}  // namespace bafa::app
