#include <cstdio>
#include <string>
#include <utility>

#include "app/commands.h"
#include "app/exit_code.h"
#include "app/model_path.h"
#include "app/plan_report.h"
#include "bafa/error.h"
#include "pipeline/memory_needs.h"

namespace bafa::app {
namespace {

// "auto" is what loading would choose on this machine; for a GPU, which need not be here, bf16.
memory::DataType data_type(const Config& config) {
  std::string name = config.model.dtype;
  if (name == "auto") {
    name = config.model.device.starts_with("cuda")
               ? "bf16"
               : pipeline::resolved_dtype({.path = find_model(config.model.path, model_roots()),
                                           .device = config.model.device,
                                           .threads = config.model.threads});
  }
  if (const auto type = memory::parse_data_type(name)) return *type;
  throw Error(ErrorCode::invalid_config, "dtype " + name + " is unknown", "model.dtype");
}

}  // namespace

int run(const PlanCommand& command) {
  const memory::DataType type = data_type(command.config);
  pipeline::MemoryAnswer answer =
      pipeline::memory_needs({.model = find_model(command.config.model.path, model_roots()),
                              .type = type,
                              .request = command.request});
  const std::uint64_t budget = command.budget_bytes.value_or(
      smallest_budget(answer.needs, command.level.value_or(memory::Level::resident)));
  PlanReport report{.model = answer.name,
                    .family = answer.family,
                    .dtype = std::string(to_string(type)),
                    .workload = answer.workload,
                    .steps = answer.steps,
                    .budget_bytes = budget,
                    .bytes_per_second = command.bytes_per_second,
                    .outcome = plan(answer.needs, {.budget_bytes = budget,
                                                   .level = command.level,
                                                   .bytes_per_second = command.bytes_per_second}),
                    .levels = level_rows(answer.needs, command.bytes_per_second),
                    .left_out = std::move(answer.left_out)};
  const std::string text = command.json ? as_json(report) + "\n" : as_table(report);
  std::fputs(text.c_str(), stdout);
  const auto* const refusal = std::get_if<memory::Refusal>(&report.outcome);
  if (refusal == nullptr) return kOk;
  std::fflush(stdout);
  throw Error(ErrorCode::out_of_memory, refusal_text(report, *refusal), "--budget");
}

}  // namespace bafa::app
