// Euler steps to below the next noise level, and fresh noise up to it. Timesteps and sigmas equal
// those of diffusers' EulerAncestralDiscreteScheduler to the bit. Source: k-diffusion,
// sample_euler_ancestral with eta 1. Called by the device thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <string_view>

#include "base/component_config.h"
#include "sampler/diffusion_config.h"
#include "sampler/sampler.h"

namespace bafa::sampler {

struct EulerAncestralConfig {
  DiffusionConfig diffusion{.spacing = Spacing::linspace};  // no prediction of the sample
};

Requirements euler_ancestral_requirements();

// Throws Error{invalid_model, unsupported_model} naming the key.
EulerAncestralConfig parse_euler_ancestral_config(ComponentConfig& config);

class EulerAncestral final : public Sampler {
 public:
  explicit EulerAncestral(const EulerAncestralConfig& config);

  std::string_view name() const override { return "euler_ancestral"; }
  int max_steps() const override;
  Schedule schedule(int steps) const override;
  at::Tensor denoiser_input(const at::Tensor& latents,
                            std::span<const Position> positions) const override;
  StepOutput step(const StepInput& input) const override;  // draws noise at every step

 private:
  EulerAncestralConfig config_;
  at::Tensor levels_;  // sigma of each timestep, [T] fp32
};

}  // namespace bafa::sampler
