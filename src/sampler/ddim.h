// Deterministic steps between noise levels by the predicted clean latents and noise; with eta above
// 0 a part of that noise is fresh. Timesteps equal those of diffusers' DDIMScheduler to the bit.
// Paper: Song et al., Denoising Diffusion Implicit Models (2020). Called by the device thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <string_view>

#include "base/component_config.h"
#include "sampler/diffusion_config.h"
#include "sampler/sampler.h"

namespace bafa::sampler {

struct DdimConfig {
  DiffusionConfig diffusion{.spacing = Spacing::leading};
  bool clip_sample = true;  // the predicted clean latents, to +-clip_range
  double clip_range = 1.0;
  bool ends_clean = true;  // set_alpha_to_one; else at the noise of timestep 0
};

Requirements ddim_requirements();

// Throws Error{invalid_model, unsupported_model} naming the key.
DdimConfig parse_ddim_config(ComponentConfig& config);

class Ddim final : public Sampler {
 public:
  explicit Ddim(const DdimConfig& config, double eta = 0.0);  // eta 0..1

  std::string_view name() const override { return "ddim"; }
  int max_steps() const override;
  Schedule schedule(int steps) const override;
  StepOutput step(const StepInput& input) const override;  // draws at every step with eta above 0

 private:
  DdimConfig config_;
  double eta_;
  at::Tensor alphas_;  // [T] fp32
};

}  // namespace bafa::sampler
