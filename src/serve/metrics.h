// What serving counts, named as in the table of metrics of the HTTP interface. No prompt, tenant or
// job id ever becomes a label. Written by the worker and by callers of the engine; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "bafa/engine.h"

namespace bafa::serve {

// What is read at the moment of asking rather than counted.
struct Levels {
  std::array<int, 3> queue_depth{};  // low, normal, high
  int queue_capacity = 0;
  int jobs_running = 0;
  std::uint64_t results_bytes = 0;
  bool ready = false;
  std::optional<MemoryReport> memory{};  // absent while the model loads
};

class Metrics {
 public:
  explicit Metrics(const std::string& version);
  ~Metrics();

  void job_started(double queue_wait_seconds);
  // `job` is at an end.
  void job_ended(const JobSnapshot& job, double e2e_seconds);
  void rejected(ErrorCode reason);
  void stepped(int images, double seconds);
  void out_of_memory(Phase stage);
  void retried(int images);
  void model_loaded(double seconds);
  // The pictures of a job were brought to the disk, or could not be.
  void stored(double seconds);

  // Prometheus' text format, version 0.0.4.
  std::string text(const Levels& levels);

 private:
  void show(const MemoryReport& memory);

  struct Families;
  std::unique_ptr<Families> families_;
};

}  // namespace bafa::serve
