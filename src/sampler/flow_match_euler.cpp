#include "sampler/flow_match_euler.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/add.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/diff.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/sub.h>
#include <ATen/ops/zeros.h>

#include "base/check.h"
#include "sampler/step_table.h"

namespace bafa::sampler {
namespace {

// numpy's linspace(1, 1 / steps, steps), rounded to fp32.
at::Tensor even_sigmas(int steps) {
  const double last = 1.0 / steps;
  if (steps == 1) return at::ones({1}, at::TensorOptions(at::kFloat));
  const double stride = (last - 1.0) / (steps - 1);
  at::Tensor sigmas = at::arange(steps, at::TensorOptions(at::kDouble)) * stride + 1.0;
  sigmas[steps - 1] = last;
  return sigmas.to(at::kFloat);
}

}  // namespace

FlowMatchEulerConfig parse_flow_match_euler_config(ComponentConfig& config) {
  FlowMatchEulerConfig parsed;
  parsed.shift = config.number("shift", 1.0);
  if (parsed.shift <= 0) config.refuse_invalid("shift", "must be above 0");
  parsed.num_train_timesteps = config.integer("num_train_timesteps", 1000, {1, 1'000'000});
  for (const char* option : {"use_dynamic_shifting", "use_karras_sigmas", "use_exponential_sigmas",
                             "use_beta_sigmas", "invert_sigmas", "stochastic_sampling"})
    config.expect(option, false);
  config.expect("shift_terminal", nullptr);
  // Of dynamic shifting only.
  config.ignore(
      {"base_shift", "max_shift", "base_image_seq_len", "max_image_seq_len", "time_shift_type"});
  parsed.sigmas_in_fp32 = config.boolean(kSigmasInFp32, false);
  config.finish();
  return parsed;
}

Schedule FlowMatchEuler::schedule(int steps) const {
  CHECK(steps >= 1);
  const at::Tensor even = config_.sigmas_in_fp32
                              ? at::linspace(1.0, 1.0 / steps, steps, at::TensorOptions(at::kFloat))
                              : even_sigmas(steps);
  const at::Tensor sigmas = even * config_.shift / (even * (config_.shift - 1) + 1);
  const at::Tensor with_end = at::cat({sigmas, at::zeros({1})});
  return {.timesteps = to_vector(sigmas * config_.num_train_timesteps),
          .sigmas = to_vector(with_end),
          .table = step_table({sigmas, at::diff(with_end)})};
}

StepOutput FlowMatchEuler::step(const StepInput& input) const {
  const auto [sigma, change] = columns_of<2>(input.positions, input.latents);
  const at::Tensor velocity = input.prediction.to(at::kFloat);
  return {.latents = at::add(input.latents, at::mul(velocity, change)),
          .denoised = at::sub(input.latents, at::mul(velocity, sigma))};
}

}  // namespace bafa::sampler
