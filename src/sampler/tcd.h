// Trajectory consistency: each step jumps along the trajectory to a noise level below the next one
// (by eta), and fresh noise goes back up to it. Timesteps equal those of diffusers' TCDScheduler to
// the bit. Paper: Zheng et al., Trajectory Consistency Distillation (2024), where eta is gamma.
// Called by the device thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string_view>

#include "base/component_config.h"
#include "sampler/diffusion_config.h"
#include "sampler/sampler.h"

namespace bafa::sampler {

struct TcdConfig {
  DiffusionConfig diffusion{
      .beta_start = 0.00085, .beta_end = 0.012, .beta_curve = BetaCurve::scaled_linear};
  std::int64_t distilled_steps = 50;
};

// Throws Error{invalid_model, unsupported_model} naming the key.
TcdConfig parse_tcd_config(ComponentConfig& config);

class Tcd final : public Sampler {
 public:
  explicit Tcd(const TcdConfig& config, double eta = 0.0);  // eta 0..1

  std::string_view name() const override { return "tcd"; }
  int max_steps() const override { return static_cast<int>(config_.distilled_steps); }
  Schedule schedule(int steps) const override;
  StepOutput step(const StepInput& input) const override;  // eta above 0: draws, not at the last

 private:
  TcdConfig config_;
  double eta_;
  at::Tensor alphas_;  // [T] fp32
};

}  // namespace bafa::sampler
