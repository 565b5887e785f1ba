// Euler steps along d latents / d sigma. Timesteps and sigmas equal those of diffusers'
// EulerDiscreteScheduler to the bit (the timesteps of Karras sigmas to 1e-6). Paper: Karras et al.
// (2022), algorithm 2 without churn. Called by the device thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <string_view>

#include "base/component_config.h"
#include "sampler/diffusion_config.h"
#include "sampler/sampler.h"

namespace bafa::sampler {

struct EulerConfig {
  DiffusionConfig diffusion{.spacing = Spacing::linspace};
  bool karras_sigmas = false;
  bool ends_at_sigma_min = false;  // instead of 0
};

Requirements euler_requirements();

// Throws Error{invalid_model, unsupported_model} naming the key.
EulerConfig parse_euler_config(ComponentConfig& config);

class Euler final : public Sampler {
 public:
  explicit Euler(const EulerConfig& config);

  std::string_view name() const override { return "euler"; }
  int max_steps() const override;
  Schedule schedule(int steps) const override;
  at::Tensor denoiser_input(const at::Tensor& latents,
                            std::span<const Position> positions) const override;
  StepOutput step(const StepInput& input) const override;

 private:
  EulerConfig config_;
  at::Tensor levels_;  // sigma of each timestep, [T] fp32
};

}  // namespace bafa::sampler
