// For tests of samplers: one as a model has it from its scheduler_config.json, one picture painted
// with it, and a stand-in for a denoiser.
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "sampler/load.h"
#include "support/temporary_folder.h"

namespace bafa::test {

// All that a model with this config can be painted with, the default first.
inline std::vector<std::unique_ptr<sampler::Sampler>> samplers_of(
    const nlohmann::json& config, const sampler::LoadOptions& options = {}) {
  const TemporaryFolder folder;
  return sampler::load_samplers(folder.write("scheduler_config.json", config.dump()),
                                config.at("_class_name").get<std::string>(), options);
}

// The config of a Stable Diffusion checkpoint, for any class.
inline nlohmann::json scheduler_config(const std::string& class_name) {
  return {{"_class_name", class_name}, {"beta_start", 0.00085},           {"beta_end", 0.012},
          {"steps_offset", 1},         {"skip_prk_steps", true},          {"clip_sample", false},
          {"set_alpha_to_one", false}, {"beta_schedule", "scaled_linear"}};
}

// Every sampler of a noise-predicting model, each with that config.
inline std::vector<std::unique_ptr<sampler::Sampler>> every_sampler(
    const sampler::LoadOptions& options = {}) {
  return samplers_of(scheduler_config("EulerDiscreteScheduler"), options);
}

// Rounds in the same way everywhere. `timesteps` [B]
inline at::Tensor stand_in(const at::Tensor& latents, const at::Tensor& timesteps) {
  return latents / (1 + latents.abs()) * (0.25 + timesteps.view({-1, 1, 1, 1}) / 2000);
}

// One picture between its steps.
struct Painting {
  Painting(const sampler::Sampler& sampler, int steps, std::uint64_t seed,
           std::vector<std::int64_t> shape = {1, 4, 3, 5}, at::ScalarType dtype = at::kFloat)
      : schedule(sampler.schedule(steps)), noise_dtype(dtype) {
    position.generator = at::detail::createCPUGenerator(seed);
    latents = at::randn(shape, position.generator, dtype).to(at::kFloat) * schedule.initial_scale;
    position.schedule = &schedule;
  }
  Painting(const Painting&) = delete;  // the position points at the schedule
  Painting& operator=(const Painting&) = delete;

  bool done() const { return position.index == static_cast<int>(schedule.timesteps.size()); }
  float timestep() const { return schedule.timesteps[static_cast<std::size_t>(position.index)]; }

  sampler::Schedule schedule;
  at::ScalarType noise_dtype;
  sampler::Position position;
  at::Tensor latents;  // [1, C, h, w]
  at::Tensor denoised;
};

using Denoise = std::function<at::Tensor(const at::Tensor& latents, const at::Tensor& timesteps)>;

// One step of all of them as one batch.
inline void step_together(const sampler::Sampler& sampler, const std::vector<Painting*>& paintings,
                          const Denoise& denoise = stand_in) {
  std::vector<sampler::Position> positions;
  std::vector<at::Tensor> each;
  std::vector<float> timesteps;
  for (Painting* painting : paintings) {
    positions.push_back(painting->position);
    each.push_back(painting->latents);
    timesteps.push_back(painting->timestep());
  }
  const at::Tensor latents = at::cat(each);
  const at::Tensor prediction =
      denoise(sampler.denoiser_input(latents, positions), at::tensor(timesteps));
  const sampler::StepOutput after = sampler.step({.latents = latents,
                                                  .prediction = prediction,
                                                  .positions = positions,
                                                  .noise_dtype = paintings.front()->noise_dtype});
  for (std::size_t i = 0; i < paintings.size(); ++i) {
    Painting& painting = *paintings[i];
    const auto image = static_cast<std::int64_t>(i);
    painting.latents = after.latents.narrow(0, image, 1).clone();
    painting.denoised = after.denoised.narrow(0, image, 1).clone();
    painting.position = positions[i];
    ++painting.position.index;
  }
}

inline void paint(const sampler::Sampler& sampler, Painting& painting,
                  const Denoise& denoise = stand_in) {
  while (!painting.done()) step_together(sampler, {&painting}, denoise);
}

}  // namespace bafa::test
