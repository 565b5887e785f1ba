// What scheduler_config.json says to every solver of a noise-predicting model: how much noise each
// of the training's timesteps has, what the network predicts, and which timesteps N steps visit.
// Plain values; read while a model is loaded.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/component_config.h"

namespace bafa::sampler {

enum class BetaCurve { linear, scaled_linear, squared_cosine };
enum class Prediction { epsilon, v, sample };
enum class Spacing { leading, trailing, linspace };

// Each class of the reference has its own defaults.
struct DiffusionConfig {
  std::int64_t train_steps = 1000;
  double beta_start = 0.0001;
  double beta_end = 0.02;
  BetaCurve beta_curve = BetaCurve::linear;
  bool zero_terminal_snr = false;  // the last timestep is noise alone
  Prediction prediction = Prediction::epsilon;
  Spacing spacing = Spacing::leading;
  std::int64_t steps_offset = 0;  // of leading spacing
};

// A key of which bafa knows these values only. An absent or null key is met, unless `named`: then
// the reference's default is a value that bafa lacks.
struct Requirement {
  std::string_view key;
  std::vector<Json> values;
  bool named = false;
};
using Requirements = std::vector<Requirement>;

bool meets(const Json& json, const Requirements& requirements);

// Throws Error{unsupported_model} naming the first key that is not met. All count as read.
void require(ComponentConfig& config, const Requirements& requirements);

// Throws Error{invalid_model, unsupported_model} naming the key.
DiffusionConfig parse_diffusion_config(ComponentConfig& config, const DiffusionConfig& defaults);

// To be called last. A shipped JSON carries keys of the reference's other schedulers, which its
// class does not read; what no scheduler has is refused by name.
void finish_diffusion_config(ComponentConfig& config);

}  // namespace bafa::sampler
