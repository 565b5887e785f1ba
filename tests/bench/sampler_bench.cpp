// One step of each sampler at the latents of a 512x512 picture, the generators' copies included.
#include <ATen/ATen.h>
#include <benchmark/benchmark.h>
#include <c10/core/InferenceMode.h>

#include <string>

#include "support/samplers.h"

namespace bafa {
namespace {

void sampler_step(benchmark::State& state, std::size_t place) {
  const c10::InferenceMode inference;
  const auto samplers = test::every_sampler({.eta = 0.5});
  const sampler::Sampler& sampler = *samplers.at(place);
  state.SetLabel(std::string(sampler.name()));
  test::Painting painting(sampler, 8, 1, {1, 4, 64, 64});
  const at::Tensor prediction = painting.latents.to(at::kBFloat16);
  for (int i = 0; i < 4; ++i) test::step_together(sampler, {&painting});
  for (auto _ : state) {
    std::vector<sampler::Position> positions{painting.position};
    positions.front().generator = painting.position.generator.clone();
    benchmark::DoNotOptimize(sampler.denoiser_input(painting.latents, positions));
    benchmark::DoNotOptimize(sampler.step(
        {.latents = painting.latents, .prediction = prediction, .positions = positions}));
  }
}

const int kRegistered = [] {
  const std::size_t count = sampler::names().size() - 1;  // flow_match_euler is of another kind
  for (std::size_t i = 0; i < count; ++i)
    benchmark::RegisterBenchmark("sampler_step", sampler_step, i)->Unit(benchmark::kMicrosecond);
  return 0;
}();

}  // namespace
}  // namespace bafa
