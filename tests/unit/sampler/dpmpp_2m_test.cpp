#include "sampler/dpmpp_2m.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/samplers.h"

namespace bafa::sampler {
namespace {

using testing::ElementsAre;

DpmPp2mConfig config(Spacing spacing) {
  return {.diffusion = {.beta_start = 0.00085,
                        .beta_end = 0.012,
                        .beta_curve = BetaCurve::scaled_linear,
                        .spacing = spacing}};
}

TEST(DpmPp2m, LeavesOutTheLastPointOfItsSpacings) {
  EXPECT_THAT(DpmPp2m(config(Spacing::leading)).schedule(8).timesteps,
              ElementsAre(888, 777, 666, 555, 444, 333, 222, 111));
  EXPECT_THAT(DpmPp2m(config(Spacing::linspace)).schedule(8).timesteps,
              ElementsAre(999, 874, 749, 624, 500, 375, 250, 125));
  EXPECT_THAT(DpmPp2m(config(Spacing::trailing)).schedule(8).timesteps,
              ElementsAre(999, 874, 749, 624, 499, 374, 249, 124));
}

TEST(DpmPp2m, SpacesKarrasSigmasFromTheLargestToTheSmallest) {
  DpmPp2mConfig karras = config(Spacing::leading);
  karras.karras_sigmas = true;
  const DpmPp2m sampler(karras);
  EXPECT_EQ(sampler.name(), "dpmpp_2m_karras");
  EXPECT_THAT(sampler.schedule(8).timesteps, ElementsAre(999, 890, 746, 549, 299, 90, 12, 0));
}

TEST(DpmPp2m, RemembersTheCleanLatentsOfOneStep) {
  const DpmPp2m sampler(config(Spacing::trailing));
  test::Painting painting(sampler, 8, 1);
  test::step_together(sampler, {&painting});
  EXPECT_EQ(painting.position.history.size(), 1u);
  EXPECT_TRUE(at::equal(painting.position.history[0], painting.denoised));
  test::step_together(sampler, {&painting});
  EXPECT_EQ(painting.position.history.size(), 1u);
  EXPECT_TRUE(at::equal(painting.position.history[0], painting.denoised));
}

TEST(DpmPp2m, EndsAtTheCleanLatents) {
  const DpmPp2m sampler(config(Spacing::trailing));
  test::Painting painting(sampler, 20, 1);
  test::paint(sampler, painting);
  EXPECT_TRUE(at::equal(painting.latents, painting.denoised));
}

}  // namespace
}  // namespace bafa::sampler
