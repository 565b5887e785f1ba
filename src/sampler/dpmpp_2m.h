// DPM-Solver++ of second order, multistep with midpoints: the clean latents predicted one step
// before make each step more exact. Timesteps and sigmas equal those of diffusers'
// DPMSolverMultistepScheduler to the bit. Paper: Lu et al., DPM-Solver++ (2022). Called by the
// device thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <string_view>

#include "base/component_config.h"
#include "sampler/diffusion_config.h"
#include "sampler/sampler.h"

namespace bafa::sampler {

struct DpmPp2mConfig {
  DiffusionConfig diffusion{.spacing = Spacing::linspace};
  bool karras_sigmas = false;
  bool ends_at_sigma_min = false;  // instead of 0
  bool lower_order_final = true;   // with fewer than 15 steps the last is of first order
  bool euler_at_final = false;     // the last is always
};

Requirements dpmpp_2m_requirements();

// Throws Error{invalid_model, unsupported_model} naming the key.
DpmPp2mConfig parse_dpmpp_2m_config(ComponentConfig& config);

class DpmPp2m final : public Sampler {
 public:
  explicit DpmPp2m(const DpmPp2mConfig& config);

  std::string_view name() const override {
    return config_.karras_sigmas ? "dpmpp_2m_karras" : "dpmpp_2m";
  }
  int max_steps() const override;
  Schedule schedule(int steps) const override;
  StepOutput step(const StepInput& input) const override;  // remembers the clean latents

 private:
  DpmPp2mConfig config_;
  at::Tensor levels_;  // sigma of each timestep, [T] fp32
};

}  // namespace bafa::sampler
