// `bafa bench memory`: what each way to need less memory saves and costs, measured side by side.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "app/commands.h"
#include "app/exit_code.h"
#include "app/measurement.h"
#include "app/painting.h"
#include "base/log.h"

namespace bafa::app {
namespace {

// Levels are asked for by name; this holds any of them.
constexpr std::uint64_t kRoomy = std::uint64_t{1} << 50;

struct Way {
  std::string name;
  std::string dtype;
  std::string level;
  std::vector<std::string> device_map;
  std::uint64_t budget_bytes = kRoomy;
};

// One way, loaded. All are at once, so that their runs take turns on a machine that others use too.
class Contender {
 public:
  Contender(const Way& way, const BenchCommand& command) : name_(way.name) {
    Config config = command.config;
    config.model.dtype = way.dtype;
    config.model.device_map = way.device_map;
    config.memory.level = way.level;
    config.memory.budget_bytes = way.budget_bytes;
    pipeline::LoadOptions options = load_options(config);
    options.prompt_cache_bytes = 0;  // so that every run encodes its prompt
    pipeline_ = pipeline::load(options);
    FieldNames names = field_names();
    names.count = "--batch";
    GenerateRequest request = command.request;
    request.prompt = "a red apple";
    request.seed = 0;
    request_ = std::make_unique<const ValidRequest>(
        validate(request, pipeline_->capabilities(), 0, names));
    budget_bytes_ = way.budget_bytes;
  }

  void paint_once() {
    const auto begun = std::chrono::steady_clock::now();
    paint({.pipeline = *pipeline_,
           .request = *request_,
           .max_batch = request_->params().count,
           .on_image = [](int, const Image&) {}});
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begun;
    times_ms_.push_back(took.count() / request_->params().count);
  }

  void forget_times() { times_ms_.clear(); }

  // The least with which one picture can be painted this way.
  std::uint64_t needed_bytes() const { return pipeline_->cost(*request_).needed_bytes; }

  MemoryRow row(std::uint64_t budget_bytes) const {
    const MemoryReport memory = pipeline_->memory();
    MemoryRow row{.name = name_, .image_ms = median(times_ms_)};
    row.peak_bytes = memory.peak_bytes;
    for (const MemoryReport::Phase& phase : memory.phases)
      row.predicted_bytes = std::max(row.predicted_bytes, phase.predicted_bytes);
    row.jobs = jobs_within(budget_bytes, memory);
    return row;
  }

 private:
  // As admission counts: beside the weights that are there while it denoises.
  std::uint64_t jobs_within(std::uint64_t budget_bytes, const MemoryReport& memory) const {
    if (needed_bytes() > budget_bytes) return 0;
    const std::uint64_t weights_bytes = budget_bytes_ - memory.workspace_bytes;
    const std::uint64_t one =
        std::max<std::uint64_t>(pipeline_->cost(*request_).workspace_bytes, 1);
    return std::max<std::uint64_t>((budget_bytes - std::min(weights_bytes, budget_bytes)) / one, 1);
  }

  std::string name_;
  std::uint64_t budget_bytes_ = 0;
  std::unique_ptr<Pipeline> pipeline_;
  std::unique_ptr<const ValidRequest> request_;
  std::vector<double> times_ms_;
};

std::vector<Contender> contenders(const BenchCommand& command) {
  const ModelConfig& model = command.config.model;
  std::vector<std::string> map = model.device_map;
  if (map.empty()) map = {model.device.starts_with("cuda") ? "encoder=cpu" : "encoder=cpu:1"};
  std::vector<Contender> all;
  all.emplace_back(Way{"fp32, resident", "fp32", "resident", {}}, command);
  all.emplace_back(Way{"bf16, resident", "bf16", "resident", {}}, command);
  all.emplace_back(Way{"bf16, " + map.front(), "bf16", "resident", map}, command);
  all.emplace_back(Way{"+ components take turns", "bf16", "turns", map}, command);
  const std::uint64_t whole = all.back().needed_bytes();
  all.emplace_back(Way{"+ decoder one by one or in tiles", "bf16", "sliced", map}, command);
  Contender streamed(Way{"+ all blocks streamed", "bf16", "streamed", map}, command);
  const std::uint64_t half = (whole + streamed.needed_bytes()) / 2;
  all.emplace_back(Way{"+ half of the blocks streamed", "bf16", "partial", map, half}, command);
  all.push_back(std::move(streamed));
  return all;
}

}  // namespace

int run_memory(const BenchCommand& command) {
  init_log({.level = "warn"});
  std::vector<Contender> all = contenders(command);
  for (Contender& each : all) {
    each.paint_once();
    each.forget_times();
  }
  for (int i = 0; i < command.repeat; ++i) {
    for (Contender& each : all) each.paint_once();
  }
  std::vector<MemoryRow> rows;
  std::uint64_t budget_bytes = command.config.memory.budget_bytes;
  if (budget_bytes == 0) budget_bytes = all.front().needed_bytes();
  for (const Contender& each : all) rows.push_back(each.row(budget_bytes));
  std::fputs(as_table(rows, budget_bytes).c_str(), stdout);
  return kOk;
}

}  // namespace bafa::app
