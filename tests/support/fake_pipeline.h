// A Pipeline without a model. Every call is written into a FakeLog, which outlives the pipeline and
// may be read from any thread; the log's hook runs first and may wait (Gate), throw an Error, or
// move a ManualClock. A picture is filled with its seed's low bytes, so that it can be recognised.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bafa/pipeline.h"
#include "base/mutex.h"

namespace bafa::test {

enum class CallKind { begin, step, preview, finish, idle };

struct FakeCall {
  CallKind kind = CallKind::step;
  std::vector<std::int64_t> seeds;  // one an image, in the order given

  friend bool operator==(const FakeCall&, const FakeCall&) = default;
};

class FakeLog {
 public:
  std::function<void(const FakeCall&)> hook;  // set before the pipeline is used
  std::atomic<int> alive{0};                  // generations that exist
  MemoryReport memory;                        // set before the pipeline is used

  void record(FakeCall call) EXCLUDES(mutex_) {
    {
      MutexLock lock(mutex_);
      calls_.push_back(call);
    }
    if (hook) hook(call);
  }
  std::vector<FakeCall> calls() const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return calls_;
  }
  std::vector<FakeCall> calls(CallKind kind) const EXCLUDES(mutex_) {
    std::vector<FakeCall> found;
    for (FakeCall& call : calls()) {
      if (call.kind == kind) found.push_back(std::move(call));
    }
    return found;
  }

 private:
  mutable Mutex mutex_;
  std::vector<FakeCall> calls_ GUARDED_BY(mutex_);
};

inline Capabilities fake_capabilities() {
  Capabilities capabilities;
  capabilities.model = "fake";
  capabilities.family = "FakePipeline";
  capabilities.size = {.width = {8, 1024, 16}, .height = {8, 1024, 16}, .max_pixels = 1 << 20};
  capabilities.negative_prompt = true;
  capabilities.guidance_rescale = {0.0, 1.0, 0.0};
  capabilities.cfg_normalization = {0.0, 20.0, 0.0};
  capabilities.cfg_truncation = {0.0, 1.0, 1.0};
  capabilities.clip_skip = {0, 2, 0};
  capabilities.samplers = {"flow_match_euler"};
  capabilities.max_prompt_tokens = 8;
  capabilities.previews = true;
  return capabilities;
}

struct FakeGeneration final : Generation {
  FakeGeneration(const ImageTask& task, std::atomic<int>& count)
      : params(task.request->params()), seed(params.seed + task.index), alive(count) {
    ++alive;
  }
  ~FakeGeneration() override { --alive; }
  int steps_done() const override { return steps; }
  int steps_total() const override { return params.steps; }
  int prompt_tokens() const override { return static_cast<int>(params.prompt.size()); }
  bool prompt_truncated() const override { return params.prompt.size() > 8; }

  const GenerationParams params;
  const std::int64_t seed;
  int steps = 0;
  std::atomic<int>& alive;
};

class FakePipeline final : public Pipeline {
 public:
  explicit FakePipeline(std::shared_ptr<FakeLog> log,
                        Capabilities capabilities = fake_capabilities())
      : log_(std::move(log)), capabilities_(std::move(capabilities)) {}

  const Capabilities& capabilities() const override { return capabilities_; }

  // A byte a pixel.
  Cost cost(const ValidRequest& request) const override {
    const GenerationParams& params = request.params();
    return {.workspace_bytes = static_cast<std::uint64_t>(params.width) * params.height,
            .steps = params.steps,
            .batch_key = {params.width, params.height, params.guidance_scale > 1.0},
            .needed_bytes = static_cast<std::uint64_t>(params.width) * params.height,
            .budget_bytes = log_->memory.budget_bytes};
  }
  MemoryReport memory() const override { return log_->memory; }

  std::vector<std::unique_ptr<Generation>> begin(std::span<const ImageTask> tasks) override {
    FakeCall call{.kind = CallKind::begin, .seeds = {}};
    for (const ImageTask& task : tasks) {
      call.seeds.push_back(task.request->params().seed + task.index);
    }
    log_->record(std::move(call));
    std::vector<std::unique_ptr<Generation>> begun;
    for (const ImageTask& task : tasks) {
      begun.push_back(std::make_unique<FakeGeneration>(task, log_->alive));
    }
    return begun;
  }

  void step(std::span<Generation* const> generations) override {
    record(CallKind::step, generations);
    for (Generation* generation : generations) ++static_cast<FakeGeneration*>(generation)->steps;
  }

  Image preview(const Generation& generation) override {
    const auto& fake = static_cast<const FakeGeneration&>(generation);
    log_->record({CallKind::preview, {fake.seed}});
    return paint(fake.params.width / 8, fake.params.height / 8, fake.seed);
  }

  std::vector<Image> finish(std::span<Generation* const> generations) override {
    record(CallKind::finish, generations);
    std::vector<Image> images;
    for (const Generation* generation : generations) {
      const auto& fake = static_cast<const FakeGeneration&>(*generation);
      images.push_back(paint(fake.params.width, fake.params.height, fake.seed));
    }
    return images;
  }

  void idle() override { log_->record({CallKind::idle, {}}); }

 private:
  void record(CallKind kind, std::span<Generation* const> generations) {
    FakeCall call{.kind = kind, .seeds = {}};
    for (const Generation* generation : generations) {
      call.seeds.push_back(static_cast<const FakeGeneration*>(generation)->seed);
    }
    log_->record(std::move(call));
  }

  static Image paint(int width, int height, std::int64_t seed) {
    Image image{.width = width, .height = height, .rgb = {}};
    for (int pixel = 0; pixel < width * height; ++pixel) {
      for (int shift : {0, 8, 16}) image.rgb.push_back(static_cast<std::uint8_t>(seed >> shift));
    }
    return image;
  }

  std::shared_ptr<FakeLog> log_;
  Capabilities capabilities_;
};

}  // namespace bafa::test
