// How a prediction moves the latents: the schedule of times and the solver between them. Immutable
// after construction; step() is called by the device thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <string_view>
#include <vector>

namespace bafa::sampler {

// The times of one picture with N steps.
struct Schedule {
  std::vector<float> timesteps;  // [N], as the denoiser is told them
  std::vector<float> sigmas;     // [N + 1], noise level before each step and after the last
};

// Where one image of a batch stands: before step `index` (0-based) of its schedule.
struct Position {
  const Schedule* schedule = nullptr;
  int index = 0;
};

struct StepInput {
  at::Tensor latents;                   // [B, C, h, w] fp32
  at::Tensor prediction;                // [B, C, h, w] any floating type
  std::span<const Position> positions;  // B, which may differ
};

struct StepOutput {
  at::Tensor latents;   // [B, C, h, w] fp32, after the step
  at::Tensor denoised;  // [B, C, h, w] fp32, the clean latents that were predicted
};

class Sampler {
 public:
  virtual ~Sampler() = default;

  virtual std::string_view name() const = 0;
  virtual Schedule schedule(int steps) const = 0;  // steps >= 1

  // Each image's result is the same to the bit whatever else is in the batch.
  virtual StepOutput step(const StepInput& input) const = 0;
};

}  // namespace bafa::sampler
