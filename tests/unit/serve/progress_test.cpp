#include "serve/progress.h"

#include <gtest/gtest.h>

#include <vector>

namespace bafa::serve {
namespace {

constexpr BatchKey kSmall{.width = 256, .height = 256, .guided = false};
constexpr BatchKey kLarge{.width = 512, .height = 512, .guided = false};

std::vector<int> steps_with_preview(int steps, int previews) {
  std::vector<int> due;
  for (int step = 0; step <= steps; ++step) {
    if (preview_due(step, steps, previews)) due.push_back(step);
  }
  return due;
}

TEST(Previews, AreSpreadEvenlyAndNeverAfterTheLastStep) {
  EXPECT_EQ(steps_with_preview(8, 0), (std::vector<int>{}));
  EXPECT_EQ(steps_with_preview(8, 1), (std::vector{4}));
  EXPECT_EQ(steps_with_preview(8, 3), (std::vector{2, 4, 6}));
  EXPECT_EQ(steps_with_preview(9, 2), (std::vector{3, 6}));
  EXPECT_EQ(steps_with_preview(50, 3), (std::vector{13, 25, 38}));
}

TEST(Previews, AreFewerThanAskedForWhenThereAreFewSteps) {
  EXPECT_EQ(steps_with_preview(3, 3), (std::vector{1, 2}));
  EXPECT_EQ(steps_with_preview(1, 3), (std::vector<int>{}));
  EXPECT_EQ(steps_with_preview(4, 3), (std::vector{1, 2, 3}));
}

TEST(Pace, LearnsFromWhatWasMeasured) {
  Pace pace;
  pace.observe_step(kSmall, 4, 2.0);
  EXPECT_DOUBLE_EQ(pace.seconds({.key = kSmall, .image_steps = 8, .encodes = 1, .decodes = 1}),
                   4.0);
  pace.observe_encode(2, 0.2);
  pace.observe_decode(kSmall, 1, 0.3);
  EXPECT_DOUBLE_EQ(pace.seconds({.key = kSmall, .image_steps = 8, .encodes = 2, .decodes = 2}),
                   4.8);
}

TEST(Pace, GivesTheNewestMeasurementAFifthOfTheWeight) {
  Pace pace;
  pace.observe_step(kSmall, 1, 1.0);
  pace.observe_step(kSmall, 1, 2.0);
  EXPECT_DOUBLE_EQ(pace.seconds({.key = kSmall, .image_steps = 1, .encodes = 0, .decodes = 0}),
                   1.2);
}

TEST(Pace, ScalesAnUnknownSizeByItsPixels) {
  Pace pace;
  pace.observe_step(kSmall, 1, 1.0);
  EXPECT_DOUBLE_EQ(pace.seconds({.key = kLarge, .image_steps = 2, .encodes = 0, .decodes = 0}),
                   8.0);
}

TEST(Pace, GuessesBeforeAnythingWasMeasured) {
  const double guess =
      Pace().seconds({.key = kSmall, .image_steps = 8, .encodes = 1, .decodes = 1});
  EXPECT_GT(guess, 0.05);
  EXPECT_LT(guess, 2.0);
}

TEST(Pace, RemembersABoundedNumberOfKinds) {
  Pace pace;
  for (int side = 8; side < 8 * 300; side += 8) {
    pace.observe_step({.width = side, .height = 8, .guided = false}, 1, 1.0);
  }
  const double first =
      pace.seconds({.key = {8, 8, false}, .image_steps = 1, .encodes = 0, .decodes = 0});
  EXPECT_LT(first, 1.0) << "forgotten: estimated by its pixels";
}

}  // namespace
}  // namespace bafa::serve
