#include "sampler/noise.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <vector>

namespace bafa::sampler {
namespace {

at::Generator seeded(std::uint64_t seed) { return at::detail::createCPUGenerator(seed); }

const Schedule kTwoSteps{.timesteps = {999, 499}};

StepInput input(std::vector<Position>& positions, at::ScalarType dtype) {
  const auto images = static_cast<std::int64_t>(positions.size());
  return {.latents = at::zeros({images, 4, 5, 7}),
          .prediction = at::zeros({images, 4, 5, 7}),
          .positions = positions,
          .noise_dtype = dtype};
}

TEST(Noise, IsDrawnFromEachImagesOwnGenerator) {
  std::vector<Position> positions{{&kTwoSteps, 0, seeded(1)}, {&kTwoSteps, 1, seeded(2)}};
  const at::Tensor noise = draw_noise(input(positions, at::kFloat), LastStep::draws);
  EXPECT_TRUE(at::equal(noise[0], at::randn({4, 5, 7}, seeded(1), at::kFloat)));
  EXPECT_TRUE(at::equal(noise[1], at::randn({4, 5, 7}, seeded(2), at::kFloat)));
}

// The dtype decides how many random bits a number takes: other noise, not the same one rounded.
TEST(Noise, IsDrawnInTheDtypeOfTheReference) {
  for (const at::ScalarType dtype : {at::kBFloat16, at::kHalf}) {
    std::vector<Position> positions{{&kTwoSteps, 0, seeded(3)}};
    const at::Tensor noise = draw_noise(input(positions, dtype), LastStep::draws);
    EXPECT_EQ(noise.scalar_type(), at::kFloat);
    const at::Tensor expected = at::randn({1, 4, 5, 7}, seeded(3), dtype);
    EXPECT_TRUE(at::equal(noise, expected.to(at::kFloat)));
  }
}

TEST(Noise, RestsAtTheLastStepWhereTheReferenceDoes) {
  std::vector<Position> positions{{&kTwoSteps, 1, seeded(1)}, {&kTwoSteps, 0, seeded(2)}};
  const at::Tensor state = positions[0].generator.get_state();
  const at::Tensor noise = draw_noise(input(positions, at::kFloat), LastStep::rests);
  EXPECT_TRUE(at::equal(noise[0], at::zeros({4, 5, 7})));
  EXPECT_FALSE(at::equal(noise[1], at::zeros({4, 5, 7})));
  EXPECT_TRUE(at::equal(state, positions[0].generator.get_state()));
}

TEST(Noise, GoesOnWhereTheStepBeforeStopped) {
  std::vector<Position> positions{{&kTwoSteps, 0, seeded(1)}};
  const at::Tensor first = draw_noise(input(positions, at::kFloat), LastStep::draws);
  const at::Tensor second = draw_noise(input(positions, at::kFloat), LastStep::draws);
  at::Generator generator = seeded(1);
  EXPECT_TRUE(at::equal(first, at::randn({1, 4, 5, 7}, generator, at::kFloat)));
  EXPECT_TRUE(at::equal(second, at::randn({1, 4, 5, 7}, generator, at::kFloat)));
}

}  // namespace
}  // namespace bafa::sampler
