#include "sampler/noise_levels.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace bafa::sampler {
namespace {

at::Tensor whole_numbers(std::initializer_list<double> values) {
  return at::tensor(at::ArrayRef<double>(values), at::kDouble);
}

TEST(SpacedTimesteps, LeadFromTheOffset) {
  const DiffusionConfig config{.spacing = Spacing::leading, .steps_offset = 1};
  EXPECT_TRUE(
      at::equal(spaced_timesteps(config, 4, LastPoint::kept), whole_numbers({751, 501, 251, 1})));
  EXPECT_TRUE(at::equal(spaced_timesteps(config, 4, LastPoint::left_out),
                        whole_numbers({801, 601, 401, 201})));
}

TEST(SpacedTimesteps, TrailFromTheEnd) {
  const DiffusionConfig config{.spacing = Spacing::trailing, .steps_offset = 1};
  for (const LastPoint last : {LastPoint::kept, LastPoint::left_out})
    EXPECT_TRUE(at::equal(spaced_timesteps(config, 4, last), whole_numbers({999, 749, 499, 249})));
}

TEST(SpacedTimesteps, CoverAllLinearly) {
  const DiffusionConfig config{.spacing = Spacing::linspace, .steps_offset = 1};
  EXPECT_TRUE(
      at::equal(spaced_timesteps(config, 3, LastPoint::kept), whole_numbers({999, 499.5, 0})));
  EXPECT_TRUE(
      at::equal(spaced_timesteps(config, 3, LastPoint::left_out), whole_numbers({999, 666, 333})));
  EXPECT_TRUE(at::equal(spaced_timesteps(config, 1, LastPoint::kept), whole_numbers({0})));
}

// Where the reference has one more, -1.
TEST(SpacedTimesteps, AreAsManyAsTheStepsThatWereAskedFor) {
  const DiffusionConfig config{.spacing = Spacing::trailing};
  for (const int steps : {61, 103, 121, 122, 201, 206}) {
    const at::Tensor timesteps = spaced_timesteps(config, steps, LastPoint::kept);
    EXPECT_EQ(timesteps.size(0), steps);
    EXPECT_GE(timesteps[-1].item<double>(), 0);
  }
}

TEST(SpacedTimesteps, StayWithinTheTrainingsUpToTheMostSteps) {
  for (const Spacing spacing : {Spacing::leading, Spacing::trailing, Spacing::linspace}) {
    for (const std::int64_t offset : {0, 1, 7}) {
      const DiffusionConfig config{.spacing = spacing, .steps_offset = offset};
      for (int steps = 1; steps <= most_spaced_steps(config); ++steps) {
        const at::Tensor timesteps = spaced_timesteps(config, steps, LastPoint::kept).round();
        ASSERT_LE(timesteps[0].item<double>(), 999) << steps;
        ASSERT_GE(timesteps[-1].item<double>(), 0) << steps;
        if (steps > 1) {
          ASSERT_TRUE((timesteps.diff() < 0).all().item<bool>()) << steps;
        }
      }
    }
  }
}

TEST(NoiseLevels, LeaveNothingOfThePictureAtTheEndOfAZeroTerminalSnr) {
  const DiffusionConfig config{.zero_terminal_snr = true};
  EXPECT_EQ(alphas_cumprod(config, LastAlpha::as_computed)[-1].item<float>(), 0);
  const at::Tensor above = alphas_cumprod(config, LastAlpha::above_zero);
  EXPECT_GT(above[-1].item<float>(), 0);
  EXPECT_TRUE(sigmas_of(above).isfinite().all().item<bool>());
}

TEST(NoiseLevels, AreInterpolatedBetweenTimestepsAndHeldBeyondThem) {
  const at::Tensor levels = at::tensor({1.f, 3.f, 7.f});
  EXPECT_TRUE(at::equal(interpolated(levels, whole_numbers({-1, 0, 0.5, 1.25, 2, 9})),
                        whole_numbers({1, 1, 2, 4, 7, 7})));
}

}  // namespace
}  // namespace bafa::sampler
