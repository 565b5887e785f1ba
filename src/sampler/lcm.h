// Multistep consistency sampling: each step jumps to the clean latents, and fresh noise goes back
// up to the next level. Timesteps equal those of diffusers' LCMScheduler to the bit. Paper: Luo et
// al., Latent Consistency Models (2023). Called by the device thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string_view>

#include "base/component_config.h"
#include "sampler/diffusion_config.h"
#include "sampler/sampler.h"

namespace bafa::sampler {

struct LcmConfig {
  DiffusionConfig diffusion{
      .beta_start = 0.00085, .beta_end = 0.012, .beta_curve = BetaCurve::scaled_linear};
  std::int64_t distilled_steps = 50;
  double timestep_scaling = 10.0;  // higher: less of the noisy latents in the result
  bool clip_sample = false;        // the predicted clean latents, to +-clip_range
  double clip_range = 1.0;
};

Requirements lcm_requirements();

// Throws Error{invalid_model, unsupported_model} naming the key.
LcmConfig parse_lcm_config(ComponentConfig& config);

class Lcm final : public Sampler {
 public:
  explicit Lcm(const LcmConfig& config);

  std::string_view name() const override { return "lcm"; }
  int max_steps() const override { return static_cast<int>(config_.distilled_steps); }
  Schedule schedule(int steps) const override;
  StepOutput step(const StepInput& input) const override;  // draws at every step but the last

 private:
  LcmConfig config_;
  at::Tensor alphas_;  // [T] fp32
};

}  // namespace bafa::sampler
