// How a prediction moves the latents: the schedule of times and the solver between them. Immutable
// after construction; step() is called by the device thread. What a solver remembers of a picture
// lies with the picture, so that images of one batch may be anywhere in their own schedules.
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <climits>
#include <span>
#include <string_view>
#include <vector>

namespace bafa::sampler {

// The times of one picture: F forwards of the denoiser.
struct Schedule {
  std::vector<float> timesteps;  // [F], as the denoiser is told them
  std::vector<float> sigmas;     // [F + 1], noise level before each step and after the last; empty
                                 // for solvers that know none
  float initial_scale = 1.0f;    // latents begin as seeded noise times this
  at::Tensor table;  // [F, K] fp32 on the CPU: what the solver computes with, its own affair
};

// One image of a batch: before step `index` (0-based) of its schedule.
struct Position {
  const Schedule* schedule = nullptr;
  int index = 0;
  at::Generator generator{};          // the image's own; a CPU generator that noise is drawn from
  std::vector<at::Tensor> history{};  // [1, C, h, w] fp32 each, as step() left it; empty at first
};

struct StepInput {
  at::Tensor latents;                       // [B, C, h, w] fp32
  at::Tensor prediction;                    // [B, C, h, w] any floating type
  std::span<Position> positions;            // B, whose steps may differ
  at::ScalarType noise_dtype = at::kFloat;  // in which the reference draws noise
};

struct StepOutput {
  at::Tensor latents;   // [B, C, h, w] fp32, after the step
  at::Tensor denoised;  // [B, C, h, w] fp32, the clean latents that were predicted
};

class Sampler {
 public:
  virtual ~Sampler() = default;

  virtual std::string_view name() const = 0;
  virtual int max_steps() const { return INT_MAX; }        // that schedule() takes
  virtual int forwards(int steps) const { return steps; }  // F of its schedule
  virtual Schedule schedule(int steps) const = 0;          // 1 <= steps <= max_steps()

  // What the denoiser is shown of the latents.
  virtual at::Tensor denoiser_input(const at::Tensor& latents,
                                    std::span<const Position> /*positions*/) const {
    return latents;
  }

  // Each image's result is the same to the bit whatever else is in the batch. Moves the positions'
  // generators and histories on; one that throws may have moved some, so a caller who goes on
  // after that hands in copies (Generator::clone()).
  virtual StepOutput step(const StepInput& input) const = 0;
};

}  // namespace bafa::sampler
