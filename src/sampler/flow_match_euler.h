// Euler steps along the straight path x = (1 - sigma) * clean + sigma * noise, whose velocity
// (noise - clean) the model predicts. Timesteps and sigmas equal those of diffusers'
// FlowMatchEulerDiscreteScheduler to the bit when it is given sigmas = linspace(1, 1/N, N).
// Paper: Lipman et al., Flow Matching for Generative Modeling (2022). Called by the device thread.
#pragma once

#include <string_view>

#include "base/component_config.h"
#include "sampler/sampler.h"

namespace bafa::sampler {

struct FlowMatchEulerConfig {
  double shift = 1.0;  // above 1: more steps at high noise
  std::int64_t num_train_timesteps = 1000;
  bool sigmas_in_fp32 = false;  // spaced by torch's linspace in fp32, not by numpy's in double
};

// Set by load_samplers, in no file.
inline constexpr const char* kSigmasInFp32 = "_sigmas_in_fp32";

// Reads scheduler_config.json. Throws Error{unsupported_model} naming an option that bafa lacks.
FlowMatchEulerConfig parse_flow_match_euler_config(ComponentConfig& config);

class FlowMatchEuler final : public Sampler {
 public:
  explicit FlowMatchEuler(const FlowMatchEulerConfig& config) : config_(config) {}

  std::string_view name() const override { return "flow_match_euler"; }
  Schedule schedule(int steps) const override;
  StepOutput step(const StepInput& input) const override;

 private:
  FlowMatchEulerConfig config_;
};

}  // namespace bafa::sampler
