#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>

#include "app/commands.h"
#include "app/exit_code.h"
#include "app/model_path.h"
#include "app/plan_report.h"
#include "bafa/error.h"
#include "memory/device_map.h"
#include "pipeline/memory_needs.h"

namespace bafa::app {
namespace {

// "auto" is what loading would choose on this machine; for a GPU, which need not be here, bf16.
memory::DataType data_type(const Config& config) {
  std::string name = config.model.dtype;
  if (name == "auto") {
    const auto devices = memory::map_devices(config.model, config.memory);
    const bool gpu = std::ranges::any_of(
        devices, [](const auto& device) { return memory::gpu_index(device.name) >= 0; });
    name = gpu ? "bf16"
               : pipeline::resolved_dtype({.path = find_model(config.model.path, model_roots()),
                                           .device = config.model.device,
                                           .device_map = config.model.device_map,
                                           .threads = config.model.threads});
  }
  if (const auto type = memory::parse_data_type(name)) return *type;
  throw Error(ErrorCode::invalid_config, "dtype " + name + " is unknown", "model.dtype");
}

PlanReport report_on(const memory::MappedDevice& device, const PlanCommand& command,
                     memory::DataType type) {
  pipeline::MemoryAnswer answer =
      pipeline::memory_needs({.model = find_model(command.config.model.path, model_roots()),
                              .type = type,
                              .request = command.request,
                              .here = device.phases});
  const std::uint64_t budget =
      device.budget_bytes != 0
          ? device.budget_bytes
          : smallest_budget(answer.needs, command.level.value_or(memory::Level::resident));
  return {.model = answer.name,
          .family = answer.family,
          .dtype = std::string(to_string(type)),
          .device = device.name,
          .phases = device.phases,
          .workload = answer.workload,
          .steps = answer.steps,
          .budget_bytes = budget,
          .bytes_per_second = command.bytes_per_second,
          .outcome = plan(answer.needs, {.budget_bytes = budget,
                                         .level = command.level,
                                         .bytes_per_second = command.bytes_per_second}),
          .levels = level_rows(answer.needs, command.bytes_per_second),
          .left_out = std::move(answer.left_out)};
}

}  // namespace

// One plan for each device.
int run(const PlanCommand& command) {
  const memory::DataType type = data_type(command.config);
  Config config = command.config;
  config.memory.budget_bytes = command.budget_bytes.value_or(0);
  std::string refused;
  for (const memory::MappedDevice& device : memory::map_devices(config.model, config.memory)) {
    const PlanReport report = report_on(device, command, type);
    const std::string text = command.json ? as_json(report) + "\n" : as_table(report);
    std::fputs(text.c_str(), stdout);
    const auto* const refusal = std::get_if<memory::Refusal>(&report.outcome);
    if (refusal != nullptr && refused.empty()) refused = refusal_text(report, *refusal);
  }
  if (refused.empty()) return kOk;
  std::fflush(stdout);
  throw Error(ErrorCode::out_of_memory, refused, "--budget");
}

}  // namespace bafa::app
