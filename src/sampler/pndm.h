// Pseudo linear multistep: the predictions of up to four steps, weighted as in Adams-Bashforth. The
// second timestep is visited twice, so N steps take N + 1 forwards (1 takes 1). Timesteps equal
// those of diffusers' PNDMScheduler with skip_prk_steps to the bit. Paper: Liu et al., Pseudo
// Numerical Methods for Diffusion Models on Manifolds (2022). Called by the device thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <string_view>

#include "base/component_config.h"
#include "sampler/diffusion_config.h"
#include "sampler/sampler.h"

namespace bafa::sampler {

struct PndmConfig {
  DiffusionConfig diffusion{.spacing = Spacing::leading};  // no prediction of the sample
  bool ends_clean = false;  // set_alpha_to_one; else at the noise of timestep 0
};

Requirements pndm_requirements();

// Throws Error{invalid_model, unsupported_model} naming the key.
PndmConfig parse_pndm_config(ComponentConfig& config);

class Pndm final : public Sampler {
 public:
  explicit Pndm(const PndmConfig& config);

  std::string_view name() const override { return "pndm"; }
  int max_steps() const override;
  int forwards(int steps) const override { return steps == 1 ? 1 : steps + 1; }
  Schedule schedule(int steps) const override;
  StepOutput step(const StepInput& input) const override;

 private:
  PndmConfig config_;
  at::Tensor alphas_;  // [T] fp32
};

}  // namespace bafa::sampler
