#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "app/commands.h"
#include "app/exit_code.h"
#include "app/model_path.h"
#include "bafa/error.h"
#include "memory/planner.h"
#include "pipeline/memory_needs.h"

namespace bafa::app {
namespace {

constexpr double kMillion = 1e6;

// Of the device's memory, for a picture of the default size in bf16.
struct Needs {
  std::uint64_t resident = 0;  // with everything there all the time
  std::uint64_t least = 0;     // with every sacrifice made
};

std::optional<Needs> needs_of(const std::filesystem::path& folder,
                              const pipeline::ModelDescription& model) {
  if (!model.refusal.empty()) return std::nullopt;
  const memory::ModelNeeds needs = pipeline::memory_needs({.model = folder, .request = {}}).needs;
  return Needs{.resident = smallest_budget(needs, memory::Level::resident),
               .least = smallest_budget(needs, memory::Level::streamed)};
}

void print_text(const std::filesystem::path& folder, const pipeline::ModelDescription& model) {
  std::printf("%s  %s  %.1f MB  %s\n", model.name.c_str(), model.family.c_str(),
              static_cast<double>(model.weights_bytes) / kMillion, folder.c_str());
  for (const auto& part : model.components) {
    std::printf("  %-16s %-40s %8.2f M parameters %8.1f MB%s\n", part.name.c_str(),
                part.class_name.c_str(), static_cast<double>(part.parameters) / kMillion,
                static_cast<double>(part.weights_bytes) / kMillion,
                part.is_run ? "" : "  not needed");
  }
  if (const auto needs = needs_of(folder, model)) {
    std::printf("  needs %.1f MB in bf16, %.1f MB at the least: bafa plan --model %s\n",
                static_cast<double>(needs->resident) / kMillion,
                static_cast<double>(needs->least) / kMillion, folder.c_str());
  } else {
    std::printf("  cannot be loaded: %s\n", model.refusal.c_str());
  }
}

void print_json(const std::filesystem::path& folder, const pipeline::ModelDescription& model) {
  nlohmann::ordered_json line = {
      {"name", model.name},        {"family", model.family},
      {"folder", folder.string()}, {"weights_bytes", model.weights_bytes},
      {"refusal", model.refusal},  {"components", nlohmann::ordered_json::array()}};
  for (const auto& part : model.components) {
    line["components"].push_back({{"name", part.name},
                                  {"library", part.library},
                                  {"class_name", part.class_name},
                                  {"tensors", part.tensors},
                                  {"parameters", part.parameters},
                                  {"weights_bytes", part.weights_bytes},
                                  {"is_run", part.is_run}});
  }
  if (const auto needs = needs_of(folder, model))
    line["needs_bytes"] = {{"resident", needs->resident}, {"least", needs->least}};
  std::puts(line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace).c_str());
}

}  // namespace

int run(const ModelsCommand& command) {
  const auto roots = model_roots();
  const auto folders = command.folders.empty() ? shipped_models(roots) : command.folders;
  if (folders.empty()) {
    throw Error(ErrorCode::invalid_model, "no model ships with this program; name a folder");
  }
  for (const auto& named : folders) {
    const auto folder = find_model(named, roots);
    const auto model = pipeline::describe(folder);
    command.json ? print_json(folder, model) : print_text(folder, model);
  }
  return kOk;
}

}  // namespace bafa::app
