#include "app/warm_up.h"

#include <gtest/gtest.h>

#include "bafa/error.h"
#include "support/fake_pipeline.h"
#include "support/refused.h"

namespace bafa::app {
namespace {

TEST(WarmUp, GoesThroughEveryStageOnce) {
  const auto log = std::make_shared<test::FakeLog>();
  test::FakePipeline pipeline(log);
  warm_up(pipeline);
  for (const auto kind : {test::CallKind::begin, test::CallKind::step, test::CallKind::finish}) {
    EXPECT_EQ(log->calls(kind).size(), 1u);
  }
  EXPECT_EQ(log->alive, 0);
}

TEST(WarmUp, TellsWhatTheLargestBatchMayTake) {
  using std::chrono::milliseconds;
  Capabilities model = test::fake_capabilities();
  model.size = {.width = {8, 1024, 256}, .height = {8, 1024, 256}, .max_pixels = 512 * 512};
  EXPECT_EQ(longest_call(milliseconds(100), model, 4), milliseconds(2 * 100 * 4 * 4));
  model.size.max_pixels = 512 * 512 + 1;
  EXPECT_EQ(longest_call(milliseconds(100), model, 1), milliseconds(2 * 100 * 5));
}

TEST(WarmUp, DoesNotHideWhyAModelCannotPaint) {
  const auto log = std::make_shared<test::FakeLog>();
  log->hook = [](const test::FakeCall&) { throw Error(ErrorCode::device_error, "no device"); };
  test::FakePipeline pipeline(log);
  EXPECT_EQ(test::refused([&] { warm_up(pipeline); }).code, ErrorCode::device_error);
}

}  // namespace
}  // namespace bafa::app
