#include "sampler/flow_match_euler.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/add.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/sub.h>

#include "base/check.h"

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

std::vector<float> to_vector(const at::Tensor& values) {
  const float* begin = values.const_data_ptr<float>();
  return {begin, begin + values.numel()};
}

// One value an image, as [B, 1, 1, 1] beside `like`.
template <typename Value>
at::Tensor per_image(std::span<const Position> positions, const at::Tensor& like, Value value) {
  const auto images = static_cast<std::int64_t>(positions.size());
  at::Tensor values = at::empty({images, 1, 1, 1}, at::TensorOptions(at::kFloat));
  float* out = values.mutable_data_ptr<float>();
  for (const Position& position : positions)
    *out++ = value(position.schedule->sigmas, static_cast<std::size_t>(position.index));
  return values.to(like.device());
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
  config.finish();
  return parsed;
}

// Tensor by tensor as the reference does it: a compiler would join a product and a sum into one
// rounding, and the tables would differ in the last bit.
Schedule FlowMatchEuler::schedule(int steps) const {
  CHECK(steps >= 1);
  const at::Tensor even = even_sigmas(steps);
  const at::Tensor sigmas = even * config_.shift / (even * (config_.shift - 1) + 1);
  const at::Tensor timesteps = sigmas * config_.num_train_timesteps;
  Schedule schedule{.timesteps = to_vector(timesteps), .sigmas = to_vector(sigmas)};
  schedule.sigmas.push_back(0.0f);
  return schedule;
}

StepOutput FlowMatchEuler::step(const StepInput& input) const {
  CHECK(input.latents.scalar_type() == at::kFloat);
  CHECK(input.latents.size(0) == static_cast<std::int64_t>(input.positions.size()));
  const at::Tensor velocity = input.prediction.to(at::kFloat);
  const at::Tensor sigma =
      per_image(input.positions, input.latents,
                [](const std::vector<float>& sigmas, std::size_t i) { return sigmas[i]; });
  const at::Tensor change = per_image(
      input.positions, input.latents,
      [](const std::vector<float>& sigmas, std::size_t i) { return sigmas[i + 1] - sigmas[i]; });
  return {.latents = at::add(input.latents, at::mul(velocity, change)),
          .denoised = at::sub(input.latents, at::mul(velocity, sigma))};
}

}  // namespace bafa::sampler
