#include "sampler/pndm.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/samplers.h"

namespace bafa::sampler {
namespace {

using testing::ElementsAre;

const Pndm kSampler({.diffusion = {.steps_offset = 1}});

TEST(Pndm, VisitsTheSecondTimestepTwice) {
  EXPECT_THAT(kSampler.schedule(4).timesteps, ElementsAre(751, 501, 501, 251, 1));
  EXPECT_THAT(kSampler.schedule(2).timesteps, ElementsAre(501, 1, 1));
  EXPECT_THAT(kSampler.schedule(1).timesteps, ElementsAre(1));
  EXPECT_EQ(kSampler.forwards(4), 5);
  EXPECT_EQ(kSampler.forwards(1), 1);
}

TEST(Pndm, RemembersThreePredictionsAtMost) {
  test::Painting painting(kSampler, 8, 1);
  std::vector<std::size_t> remembered;
  while (!painting.done()) {
    test::step_together(kSampler, {&painting});
    remembered.push_back(painting.position.history.size());
  }
  // After the first step the latents that it began at are the second entry.
  EXPECT_THAT(remembered, ElementsAre(2, 1, 2, 3, 3, 3, 3, 3, 3));
}

TEST(Pndm, RepeatsItsFirstStepFromWhereItBegan) {
  test::Painting painting(kSampler, 4, 1);
  const auto constant = [](const at::Tensor& latents, const at::Tensor&) {
    return at::full_like(latents, 0.3);
  };
  test::step_together(kSampler, {&painting}, constant);
  const at::Tensor once = painting.latents;
  test::step_together(kSampler, {&painting}, constant);
  EXPECT_TRUE(at::equal(once, painting.latents));
}

}  // namespace
}  // namespace bafa::sampler
