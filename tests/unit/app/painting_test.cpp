#include "app/painting.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "support/fake_pipeline.h"

namespace bafa::app {
namespace {

using test::CallKind;

class Paint : public testing::Test {
 protected:
  PaintingReport paint_request(const GenerateRequest& request, int max_batch) {
    test::FakePipeline pipeline(log_);
    const ValidRequest valid = validate(request, pipeline.capabilities(), 0);
    return paint({.pipeline = pipeline,
                  .request = valid,
                  .max_batch = max_batch,
                  .on_step = [&](int steps) { steps_.push_back(steps); },
                  .on_image =
                      [&](int index, const Image& image) {
                        EXPECT_EQ(image.rgb.front(), (valid.params().seed + index) % 256);
                        indices_.push_back(index);
                      }});
  }

  const std::shared_ptr<test::FakeLog> log_ = std::make_shared<test::FakeLog>();
  std::vector<int> steps_;
  std::vector<int> indices_;
};

TEST_F(Paint, StepsThePicturesTogetherAsFarAsTheyMay) {
  paint_request({.prompt = "x", .steps = 2, .seed = 7, .count = 3}, 2);
  const auto begun = log_->calls(CallKind::begin);
  ASSERT_EQ(begun.size(), 2u);
  EXPECT_EQ(begun[0].seeds, (std::vector<std::int64_t>{7, 8}));
  EXPECT_EQ(begun[1].seeds, (std::vector<std::int64_t>{9}));
  EXPECT_EQ(log_->calls(CallKind::step).size(), 4u);
}

TEST_F(Paint, TellsProgressOverAllPicturesAndHandsThemOverInOrder) {
  paint_request({.prompt = "x", .steps = 2, .seed = 7, .count = 3}, 2);
  EXPECT_EQ(steps_, (std::vector<int>{2, 4, 5, 6}));
  EXPECT_EQ(indices_, (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(log_->alive, 0);
}

TEST_F(Paint, ReportsWhatBecameOfThePrompt) {
  EXPECT_FALSE(paint_request({.prompt = "short"}, 1).prompt_truncated);
  const PaintingReport cut = paint_request({.prompt = "longer than eight"}, 1);
  EXPECT_TRUE(cut.prompt_truncated);
  EXPECT_EQ(cut.prompt_tokens, 17);
}

}  // namespace
}  // namespace bafa::app
