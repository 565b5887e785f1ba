// The whole way of the tiny AltDiffusion checkpoint against the reference library, stage by stage:
// ids, embeddings, noise, schedule, each prediction, each state, decoded pixels.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "pipeline/load.h"
#include "pipeline/trace.h"
#include "support/golden.h"
#include "support/layer_weights.h"
#include "support/temporary_folder.h"

namespace bafa {
namespace {

using test::GoldenFile;
using test::kGoldenData;
using test::relative_error;

GenerateRequest request_of(const GoldenFile& golden) {
  GenerateRequest request;
  request.prompt = golden.fact("prompt");
  request.width = std::stoi(golden.fact("width"));
  request.height = std::stoi(golden.fact("height"));
  request.steps = std::stoi(golden.fact("steps"));
  request.seed = std::stoll(golden.fact("seed"));
  if (golden.knows("guidance")) request.guidance_scale = std::stod(golden.fact("guidance"));
  if (golden.knows("negative")) request.negative_prompt = golden.fact("negative");
  return request;
}

// Paints the picture that a golden file describes, and keeps every number on the way.
class AltDiffusionGolden : public testing::TestWithParam<std::string> {
 protected:
  Image paint(const std::string& dtype) {
    pipeline::Trace trace;
    const auto pipeline =
        pipeline::load({.path = kGoldenData / "alt_diffusion", .dtype = dtype, .trace = &trace});
    const ValidRequest request = validate(request_of(golden_), pipeline->capabilities(), 0);
    const ImageTask task{.request = &request};
    const auto generations = pipeline->begin({&task, 1});
    Generation* const generation = generations.front().get();
    while (!generation->denoised()) pipeline->step({&generation, 1});
    Image image = pipeline->finish({&generation, 1}).front();
    trace.write(folder_.path() / "trace.safetensors");
    traced_ = std::make_unique<GoldenFile>(folder_.path() / "trace.safetensors");
    return image;
  }

  at::Tensor traced(const std::string& name) const { return (*traced_)[name]; }

  const GoldenFile golden_{kGoldenData / (GetParam() + ".safetensors")};

 private:
  test::TemporaryFolder folder_;
  std::unique_ptr<GoldenFile> traced_;
};

at::Tensor pixels_of(const Image& image) {
  return at::tensor(at::ArrayRef<std::uint8_t>(image.rgb), at::kByte)
      .view({image.height, image.width, 3});
}

TEST_P(AltDiffusionGolden, EqualsTheReferenceStageByStageInFp32) {
  const Image image = paint("fp32");
  for (const std::string exact : {"token_ids", "noise", "timesteps", "sigmas"})
    EXPECT_TRUE(at::equal(traced(exact), golden_[exact])) << exact;
  EXPECT_LT(relative_error(traced("prompt_embeds"), golden_["prompt_embeds"]), 1e-5);
  if (golden_.has("negative_token_ids")) {
    EXPECT_TRUE(at::equal(traced("negative_token_ids"), golden_["negative_token_ids"]));
    EXPECT_LT(relative_error(traced("negative_prompt_embeds"), golden_["negative_prompt_embeds"]),
              1e-5);
  }
  const int steps = std::stoi(golden_.fact("steps"));
  for (int step = 1; step <= steps; ++step) {
    for (const std::string stage : {"prediction.", "latents."}) {
      const std::string name = stage + std::to_string(step);
      EXPECT_LT(relative_error(traced(name), golden_[name]), 1e-4) << name;
    }
  }
  EXPECT_LT(relative_error(traced("decoded"), golden_["decoded"]), 1e-4);
  EXPECT_GE(test::psnr(pixels_of(image), golden_["pixels"], 255), 45);
}

TEST_P(AltDiffusionGolden, StaysNearTheReferenceInBf16) {
  const Image image = paint("bf16");
  EXPECT_TRUE(at::equal(traced("noise"), golden_["noise"])) << "noise is fp32 in every dtype";
  EXPECT_GE(test::psnr(pixels_of(image), golden_["pixels"], 255), 30);
}

INSTANTIATE_TEST_SUITE_P(All, AltDiffusionGolden,
                         testing::Values("image_square", "image_odd_size", "image_guided"),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace bafa
