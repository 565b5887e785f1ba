// The seam between serving and painting. serve knows models only through this interface; a fake of
// it needs no libtorch. The unit of work is one denoising step, so cancelling, deadlines, progress,
// previews and joining a batch in mid-flight are all decisions between two calls.
//
// Threads: capabilities() and cost() may be called from any thread; everything else, including the
// destructor of a Generation, from the one worker thread that owns the device.
// Errors: Error{out_of_memory, non_finite_output, device_error, generation_failed}. A call that
// throws has changed none of its generations, so the caller may repeat it with fewer of them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
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
