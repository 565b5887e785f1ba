#include "pipeline/text_to_image.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/load.h"
#include "pipeline/trace.h"
#include "support/golden.h"
#include "support/layer_weights.h"
#include "support/temporary_folder.h"

namespace bafa::pipeline {
namespace {

using test::GoldenFile;
using test::kGoldenData;

struct Wish {
  std::string prompt = "a red apple";
  std::int64_t seed = 1;
  int steps = 4;
  int width = 64;
  int height = 64;
  int count = 1;
  double guidance_scale = 0;
  double guidance_rescale = 0;
};

class TinyModel : public testing::Test {
 protected:
  void open(LoadOptions options = {}) {
    options.path = kGoldenData / "alt_diffusion";
    options.dtype = "fp32";
    pipeline_ = load(options);
  }

  ValidRequest valid(const Wish& wish = {}) const {
    GenerateRequest request;
    request.prompt = wish.prompt;
    request.seed = wish.seed;
    request.steps = wish.steps;
    request.width = wish.width;
    request.height = wish.height;
    request.count = wish.count;
    request.guidance_scale = wish.guidance_scale;
    request.guidance_rescale = wish.guidance_rescale;
    return validate(request, pipeline_->capabilities(), 0);
  }

  Image paint(const Wish& wish = {}) {
    const ValidRequest request = valid(wish);
    const ImageTask task{.request = &request};
    const auto generations = pipeline_->begin({&task, 1});
    Generation* const generation = generations.front().get();
    while (!generation->denoised()) pipeline_->step({&generation, 1});
    return pipeline_->finish({&generation, 1}).front();
  }

  std::unique_ptr<Pipeline> pipeline_;
};

double psnr(const Image& a, const Image& b) {
  const auto values = [](const Image& image) {
    return at::tensor(at::ArrayRef<std::uint8_t>(image.rgb), at::kByte);
  };
  return test::psnr(values(a), values(b), 255);
}

// The numbers of torch.Generator("cpu").manual_seed(seed), to the bit.
TEST_F(TinyModel, StartsFromTheNoiseOfTheReferenceGenerator) {
  const GoldenFile golden(kGoldenData / "noise.safetensors");
  const test::TemporaryFolder folder;
  for (const char* seed : {"0", "1", "42", "4294967295", "4294967296", "4294967338"}) {
    Trace trace;
    open({.trace = &trace});
    paint({.seed = std::stoll(seed), .steps = 1, .width = 256, .height = 256});
    trace.write(folder.path() / "trace");
    const at::Tensor noise = GoldenFile(folder.path() / "trace")["noise"];
    const at::Tensor first_channel = golden[std::string(seed) + ".32x32"][0];
    EXPECT_TRUE(at::equal(noise.narrow(0, 0, 1), first_channel)) << seed;
  }
}

TEST_F(TinyModel, PaintsTheSamePictureTwice) {
  open();
  EXPECT_EQ(paint().rgb, paint().rgb);
  EXPECT_NE(paint({.seed = 2}).rgb, paint().rgb);
  EXPECT_NE(paint({.prompt = "一只戴帽子的猫"}).rgb, paint().rgb);
}

TEST_F(TinyModel, PaintsPictureKOfARequestWithItsSeedPlusK) {
  open();
  const ValidRequest request = valid({.seed = 7, .count = 3});
  const ImageTask third{.request = &request, .index = 2};
  const auto generations = pipeline_->begin({&third, 1});
  Generation* const generation = generations.front().get();
  while (!generation->denoised()) pipeline_->step({&generation, 1});
  EXPECT_EQ(pipeline_->finish({&generation, 1}).front().rgb, paint({.seed = 9}).rgb);
}

// Four pictures of four prompts and step counts, which joined the batch one step after the other.
TEST_F(TinyModel, GivesAPictureTheSameAloneAndInABatchOfDifferentSteps) {
  open();
  const std::vector<Wish> wishes{{.prompt = "a red apple", .seed = 1, .steps = 8},
                                 {.prompt = "一只戴帽子的猫", .seed = 2, .steps = 5},
                                 {.prompt = "", .seed = 3, .steps = 7},
                                 {.prompt = "a green 青蛙 in the 水里", .seed = 4, .steps = 4}};
  std::vector<ValidRequest> requests;
  for (const Wish& wish : wishes) requests.push_back(valid(wish));

  std::vector<std::unique_ptr<Generation>> all;
  std::vector<Generation*> running;
  std::size_t arrived = 0;
  do {
    if (arrived < wishes.size()) {
      const ImageTask task{.request = &requests[arrived++]};
      all.push_back(std::move(pipeline_->begin({&task, 1}).front()));
      running.push_back(all.back().get());
    }
    pipeline_->step(running);
    std::erase_if(running, [](const Generation* generation) { return generation->denoised(); });
  } while (!running.empty());

  std::vector<Generation*> finished;
  for (const auto& generation : all) finished.push_back(generation.get());
  const std::vector<Image> together = pipeline_->finish(finished);
  for (std::size_t i = 0; i < wishes.size(); ++i)
    EXPECT_GE(psnr(together[i], paint(wishes[i])), 55) << i;
}

TEST_F(TinyModel, SaysWhenAPromptWasCut) {
  open();
  const ValidRequest brief = valid();
  const ValidRequest endless = valid({.prompt = std::string(500, 'x')});
  const std::vector<ImageTask> tasks{{.request = &brief}, {.request = &endless}};
  const auto generations = pipeline_->begin(tasks);
  EXPECT_FALSE(generations[0]->prompt_truncated());
  EXPECT_TRUE(generations[1]->prompt_truncated());
  EXPECT_EQ(generations[1]->prompt_tokens(), pipeline_->capabilities().max_prompt_tokens);
  EXPECT_LT(generations[0]->prompt_tokens(), generations[1]->prompt_tokens());
}

TEST_F(TinyModel, ShowsAPreviewOfTheLatentsSize) {
  open();
  const ValidRequest request = valid({.width = 96, .height = 64});
  const ImageTask task{.request = &request};
  const auto generations = pipeline_->begin({&task, 1});
  Generation* const generation = generations.front().get();
  const Image noise = pipeline_->preview(*generation);
  pipeline_->step({&generation, 1});
  const Image later = pipeline_->preview(*generation);
  EXPECT_EQ(later.width, 12);
  EXPECT_EQ(later.height, 8);
  EXPECT_EQ(later.rgb.size(), 12u * 8 * 3);
  EXPECT_NE(noise.rgb, later.rgb);
}

// Counts what the stages say of themselves.
struct StageCounter : StageObserver {
  void observe(Stage stage, int batch, double elapsed_ms) override {
    EXPECT_GE(elapsed_ms, 0);
    EXPECT_EQ(batch, 1);
    ++counts[static_cast<int>(stage)];
  }
  int counts[3] = {};
};

TEST_F(TinyModel, EncodesAPromptOnceUntilItIsIdle) {
  StageCounter counter;
  open({.observer = &counter});
  paint();
  paint({.seed = 2});
  EXPECT_EQ(counter.counts[static_cast<int>(Stage::encode)], 1);
  EXPECT_EQ(counter.counts[static_cast<int>(Stage::forward)], 8);
  EXPECT_EQ(counter.counts[static_cast<int>(Stage::decode)], 2);
  pipeline_->idle();
  paint();
  EXPECT_EQ(counter.counts[static_cast<int>(Stage::encode)], 2);
}

TEST_F(TinyModel, CostsMoreForMorePixels) {
  open();
  const Cost small = pipeline_->cost(valid());
  const Cost large = pipeline_->cost(valid({.width = 320, .height = 320}));
  EXPECT_GT(small.workspace_bytes, 0u);
  EXPECT_GT(large.workspace_bytes, 4 * small.workspace_bytes);
  EXPECT_EQ(small.steps, 4);
  EXPECT_FALSE(small.batch_key == large.batch_key);
}

// Source: rescale_noise_cfg of the reference's pipelines.
TEST_F(TinyModel, RescalesGuidanceToTheDeviationThatThePromptAloneGives) {
  const auto first_prediction = [this](const Wish& wish) {
    Trace trace;
    open({.trace = &trace});
    paint(wish);
    const test::TemporaryFolder folder;
    trace.write(folder.path() / "trace.safetensors");
    return GoldenFile(folder.path() / "trace.safetensors")["prediction.1"];
  };
  const at::Tensor alone = first_prediction({.steps = 1});
  const at::Tensor guided = first_prediction({.steps = 1, .guidance_scale = 6});
  const at::Tensor rescaled =
      first_prediction({.steps = 1, .guidance_scale = 6, .guidance_rescale = 0.7});
  const at::Tensor expected = 0.7 * (guided * (alone.std() / guided.std())) + 0.3 * guided;
  EXPECT_LT(test::relative_error(rescaled, expected), 1e-5);
  EXPECT_GT(test::relative_error(rescaled, guided), 1e-3);
}

TEST_F(TinyModel, TakesItsFamilysDefaultsWithoutAModelJson) {
  const auto defaults = [](const char* model) {
    const Capabilities capabilities =
        load({.path = kGoldenData / model, .dtype = "fp32"})->capabilities();
    return std::pair{capabilities.steps.fallback, capabilities.guidance_scale.fallback};
  };
  EXPECT_EQ(defaults("stable_diffusion"), (std::pair{50, 7.5}));
  EXPECT_EQ(defaults("stable_diffusion_xl"), (std::pair{50, 5.0}));
  EXPECT_EQ(defaults("latent_consistency"), (std::pair{4, 8.5}));
}

}  // namespace
}  // namespace bafa::pipeline
