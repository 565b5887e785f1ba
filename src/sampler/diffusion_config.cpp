#include "sampler/diffusion_config.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/text.h"

namespace bafa::sampler {
namespace {

constexpr IntegerLimits kTrainSteps{.min = 2, .max = 100'000};

// The value that the JSON's word stands for.
template <typename Value>
Value choice(ComponentConfig& config, std::string_view key, Value fallback,
             std::initializer_list<std::pair<const char*, Value>> words) {
  if (!config.has(key)) {
    config.ignore({key});
    return fallback;
  }
  const std::string said = config.string(key, "");
  std::string known;
  for (const auto& [word, value] : words) {
    if (said == word) return value;
    known += (known.empty() ? "" : ", ") + std::string(word);
  }
  config.refuse(key, "is \"" + said + "\"; bafa knows " + known);
}

double beta(ComponentConfig& config, std::string_view key, double fallback) {
  const double value = config.number(key, fallback);
  if (value <= 0 || value >= 1) config.refuse_invalid(key, "must be between 0 and 1");
  return value;
}

bool is_met(const Requirement& requirement, const Json* value) {
  if (value == nullptr || value->is_null()) return !requirement.named;
  return std::ranges::find(requirement.values, *value) != requirement.values.end();
}

std::string listed(const std::vector<Json>& values) {
  std::string text;
  for (const Json& value : values) text += (text.empty() ? "" : ", ") + value.dump();
  return text;
}

}  // namespace

bool meets(const Json& json, const Requirements& requirements) {
  return std::ranges::all_of(requirements, [&](const Requirement& requirement) {
    const auto found = json.find(requirement.key);
    return is_met(requirement, found == json.end() ? nullptr : &*found);
  });
}

void require(ComponentConfig& config, const Requirements& requirements) {
  for (const Requirement& requirement : requirements) {
    const Json* value = config.any(requirement.key);
    if (is_met(requirement, value)) continue;
    config.refuse(requirement.key,
                  (value == nullptr ? "is not there" : "is " + printable(value->dump(), 64)) +
                      "; bafa knows only " + listed(requirement.values));
  }
}

DiffusionConfig parse_diffusion_config(ComponentConfig& config, const DiffusionConfig& defaults) {
  require(config, {{"trained_betas", {nullptr}}});
  DiffusionConfig parsed;
  parsed.train_steps = config.integer("num_train_timesteps", defaults.train_steps, kTrainSteps);
  parsed.beta_start = beta(config, "beta_start", defaults.beta_start);
  parsed.beta_end = beta(config, "beta_end", defaults.beta_end);
  parsed.beta_curve = choice<BetaCurve>(config, "beta_schedule", defaults.beta_curve,
                                        {{"linear", BetaCurve::linear},
                                         {"scaled_linear", BetaCurve::scaled_linear},
                                         {"squaredcos_cap_v2", BetaCurve::squared_cosine}});
  parsed.zero_terminal_snr = config.boolean("rescale_betas_zero_snr", defaults.zero_terminal_snr);
  parsed.prediction = choice<Prediction>(config, "prediction_type", defaults.prediction,
                                         {{"epsilon", Prediction::epsilon},
                                          {"v_prediction", Prediction::v},
                                          {"sample", Prediction::sample}});
  parsed.spacing = choice<Spacing>(config, "timestep_spacing", defaults.spacing,
                                   {{"leading", Spacing::leading},
                                    {"trailing", Spacing::trailing},
                                    {"linspace", Spacing::linspace}});
  parsed.steps_offset =
      config.integer("steps_offset", defaults.steps_offset, {0, parsed.train_steps - 1});
  return parsed;
}

void finish_diffusion_config(ComponentConfig& config) {
  config.ignore({"algorithm_type",
                 "clip_sample",
                 "clip_sample_range",
                 "disable_corrector",
                 "dynamic_thresholding_ratio",
                 "euler_at_final",
                 "final_sigmas_type",
                 "flow_shift",
                 "interpolation_type",
                 "lambda_min_clipped",
                 "lower_order_final",
                 "original_inference_steps",
                 "predict_x0",
                 "rescale_betas_zero_snr",
                 "rho",
                 "sample_max_value",
                 "set_alpha_to_one",
                 "shift_terminal",
                 "sigma_data",
                 "sigma_max",
                 "sigma_min",
                 "sigma_schedule",
                 "skip_prk_steps",
                 "solver_order",
                 "solver_p",
                 "solver_type",
                 "thresholding",
                 "time_shift_type",
                 "timestep_scaling",
                 "timestep_type",
                 "use_beta_sigmas",
                 "use_dynamic_shifting",
                 "use_exponential_sigmas",
                 "use_flow_sigmas",
                 "use_karras_sigmas",
                 "use_lu_lambdas",
                 "variance_type"});
  config.finish();
}

}  // namespace bafa::sampler
