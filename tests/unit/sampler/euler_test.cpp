#include "sampler/euler.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/samplers.h"

namespace bafa::sampler {
namespace {

using testing::ElementsAre;
using testing::FloatNear;

constexpr DiffusionConfig stable_diffusion(Spacing spacing) {
  return {.beta_start = 0.00085,
          .beta_end = 0.012,
          .beta_curve = BetaCurve::scaled_linear,
          .spacing = spacing,
          .steps_offset = 1};
}

TEST(Euler, TrailsFromTheNoisiestTimestep) {
  const Schedule schedule = Euler({.diffusion = stable_diffusion(Spacing::trailing)}).schedule(4);
  EXPECT_THAT(schedule.timesteps, ElementsAre(999, 749, 499, 249));
  EXPECT_THAT(schedule.sigmas,
              ElementsAre(FloatNear(14.61465f, 1e-5f), FloatNear(4.08173f, 1e-5f),
                          FloatNear(1.61289f, 1e-5f), FloatNear(0.69321f, 1e-5f), 0));
  EXPECT_EQ(schedule.initial_scale, schedule.sigmas.front());
}

// Leading tables do not begin at the noisiest timestep, and the noise is scaled by the first used.
TEST(Euler, ScalesTheNoiseByTheSpreadOfItsFirstLevelWhenLeading) {
  const Schedule schedule = Euler({.diffusion = stable_diffusion(Spacing::leading)}).schedule(8);
  EXPECT_EQ(schedule.timesteps.front(), 876);
  EXPECT_NEAR(schedule.sigmas.front(), 7.37185, 1e-5);
  EXPECT_NEAR(schedule.initial_scale, 7.43936, 1e-5);
}

TEST(Euler, ShowsTheDenoiserLatentsOfUnitVariance) {
  const Euler sampler({.diffusion = stable_diffusion(Spacing::trailing)});
  const test::Painting painting(sampler, 4, 1, {1, 4, 64, 64});
  const std::vector<Position> positions{painting.position};
  const at::Tensor shown = sampler.denoiser_input(painting.latents, positions);
  EXPECT_NEAR(shown.std().item<float>(), 1, 0.02);
}

TEST(Euler, GoesAllTheWayInOneStep) {
  const Euler sampler({.diffusion = stable_diffusion(Spacing::trailing)});
  test::Painting painting(sampler, 1, 1);
  test::paint(sampler, painting);
  EXPECT_LT((painting.latents - painting.denoised).abs().max().item<float>(), 1e-5);
}

}  // namespace
}  // namespace bafa::sampler
