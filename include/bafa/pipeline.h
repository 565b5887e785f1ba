// The seam between serving and painting. serve knows models only through this interface; a fake of
// it needs no libtorch. The unit of work is one denoising step, so cancelling, deadlines, progress,
// previews and joining a batch in mid-flight are all decisions between two calls.
//
// Threads: capabilities(), cost() and memory() may be called from any thread; everything else,
// including the destructor of a Generation, from the one worker thread that owns the device.
// Errors: Error{out_of_memory, non_finite_output, device_error, generation_failed}. A call that
// throws has changed none of its generations, so the caller may repeat it with fewer of them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "bafa/capabilities.h"
#include "bafa/image.h"
#include "bafa/request.h"

namespace bafa {

// Generations with equal keys may share one step() and one finish().
struct BatchKey {
  int width = 0;
  int height = 0;
  bool guided = false;  // a second, unconditional forward
  int sampler = 0;      // its place in Capabilities::samplers

  friend bool operator==(const BatchKey&, const BatchKey&) = default;
};

// What one image of a request takes, for admission.
struct Cost {
  std::uint64_t workspace_bytes = 0;  // device bytes beside the weights while it runs
  int steps = 0;                      // calls of step() until it can be finished
  BatchKey batch_key;
  // The smallest memory budget that it can be painted in, and the budget there is (0: no limit); of
  // several devices that where it needs the greatest share.
  std::uint64_t needed_bytes = 0;
  std::uint64_t budget_bytes = 0;
};

// The memory plan in force and what was measured under it, in bytes.
struct MemoryReport {
  struct Phase {
    std::string name;                   // encode, denoise, decode
    std::string level;                  // what it gives up: resident, turns, ...
    std::uint64_t predicted_bytes = 0;  // the highest of the calls so far; 0: none was made
    std::uint64_t measured_bytes = 0;
  };
  struct Component {
    std::string name;                 // "unet"
    std::string placement;            // stays, takes turns, streamed
    std::uint64_t weights_bytes = 0;  // in all
    std::uint64_t present_bytes = 0;  // on the device at this moment
    std::uint64_t copied_bytes = 0;   // to the device since the start
  };

  std::string device;                 // cpu, cuda:N: where it denoises
  std::uint64_t budget_bytes = 0;     // 0: no limit
  std::uint64_t workspace_bytes = 0;  // what it leaves for pictures while they are denoised; 0: all
  bool phases_take_turns = false;     // to go to another phase costs a copy of weights
  std::string level;
  std::uint64_t planned_bytes = 0;  // peak of a picture of the model's own size
  std::uint64_t used_bytes = 0;
  std::uint64_t peak_bytes = 0;  // since the start
  std::uint64_t weights_bytes = 0;
  std::uint64_t activations_bytes = 0;
  std::uint64_t cache_bytes = 0;
  std::uint64_t host_bytes = 0;           // weights kept ready off the device
  std::uint64_t refusals = 0;             // of allocations that would have gone over the budget
  std::vector<Phase> phases;              // of this device
  std::vector<Component> components;      // of this device
  std::vector<MemoryReport> elsewhere{};  // the same of the further devices of a device map
};

// One image being painted: conditioning, latents, its own seeded generator, step k of n.
class Generation {
 public:
  virtual ~Generation() = default;

  virtual int steps_done() const = 0;
  virtual int steps_total() const = 0;
  virtual int prompt_tokens() const = 0;      // as fed to the text encoder, without padding
  virtual bool prompt_truncated() const = 0;  // the prompt was longer than the model takes

  bool denoised() const { return steps_done() == steps_total(); }
};

// Picture `index` (0-based) of `request`; painted with seed + index. The request must outlive
// begin().
struct ImageTask {
  const ValidRequest* request = nullptr;
  int index = 0;
};

class Pipeline {
 public:
  virtual ~Pipeline() = default;

  virtual const Capabilities& capabilities() const = 0;
  virtual Cost cost(const ValidRequest& request) const = 0;
  virtual MemoryReport memory() const { return {}; }

  // Encodes the prompts and draws the seeded noise. Results are in the order of `tasks`.
  virtual std::vector<std::unique_ptr<Generation>> begin(std::span<const ImageTask> tasks) = 0;

  // One denoising step for every generation; equal batch keys, steps may differ, none denoised yet.
  virtual void step(std::span<Generation* const> generations) = 0;

  // A rough picture of the current latents, smaller than the result (cheap: no decoder).
  virtual Image preview(const Generation& generation) = 0;

  // Decodes denoised generations with equal batch keys. Results are in the order given.
  virtual std::vector<Image> finish(std::span<Generation* const> generations) = 0;

  // Called when there was nothing to do for a while: gives caches back.
  virtual void idle() {}
};

}  // namespace bafa
