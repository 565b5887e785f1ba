// The whole way of a small Z-Image against the reference's own pipeline class, stage by stage.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/component_config.h"
#include "model/z_image_transformer.h"
#include "pipeline/load.h"
#include "support/golden_painting.h"
#include "support/refused.h"
#include "support/seeded_model.h"

namespace bafa {
namespace {

using test::kGoldenData;

const std::filesystem::path kGolden = kGoldenData / "z_image/golden";

class ZImageGolden : public testing::TestWithParam<std::string> {
 protected:
  test::SeededModel model_{"z_image"};
  test::GoldenPainting painting_{model_.path(), kGolden / (GetParam() + ".safetensors")};
};

TEST_P(ZImageGolden, EqualsTheReferenceStageByStageInFp32) {
  painting_.expect_equal_stages(painting_.paint("fp32"));
}

TEST_P(ZImageGolden, StaysNearTheReferenceInBf16FromTheSameNoise) {
  const Image image = painting_.paint("auto");
  EXPECT_TRUE(at::equal(painting_.traced("noise"), painting_.golden()["noise"]));
  EXPECT_GE(test::psnr(test::pixels_of(image), painting_.golden()["pixels"], 255), 30);
}

// A caption in two languages on eight steps and a side of three tokens, so that the image is
// padded; guidance away from a longer prompt; guidance whose length and time are limited; and a
// prompt of which the reference cuts the end.
INSTANTIATE_TEST_SUITE_P(All, ZImageGolden,
                         testing::Values("eight_steps", "guided", "limited", "cut"),
                         [](const auto& each) { return each.param; });

class ZImageTransformerGolden : public testing::TestWithParam<std::string> {};

// The reference runs both at once, with what is too short masked; each must be what it is alone.
TEST_P(ZImageTransformerGolden, GivesEachImageWhatTheReferenceGivesItInABatch) {
  const test::SeededModel model("z_image");
  const std::filesystem::path folder = model.path() / "transformer";
  const test::GoldenFile golden(kGolden / ("transformer_" + GetParam() + ".safetensors"));
  ComponentConfig json(folder / "config.json");
  const model::ZImageConfig config = model::parse_z_image_config(json);
  weights::WeightMap map(weights::Checkpoint(folder, "diffusion_pytorch_model"), {});
  const model::ZImageTransformer network(config, map.root());
  map.finish();
  const at::Tensor latents = golden["latents"];
  for (std::int64_t i = 0; i < latents.size(0); ++i) {
    const at::Tensor prediction =
        network({.latents = latents.narrow(0, i, 1),
                 .times = golden["times"].narrow(0, i, 1),
                 .captions = network.prepare(golden["caption." + std::to_string(i)])});
    EXPECT_LT(test::relative_error(prediction[0], golden["prediction"][i]), 1e-5) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(All, ZImageTransformerGolden, testing::Values("two_lengths", "unpadded"),
                         [](const auto& each) { return each.param; });

class ZImage : public testing::Test {
 protected:
  void open(const std::string& dtype = "fp32") {
    pipeline_ = pipeline::load({.path = model_.path(), .dtype = dtype});
  }

  ValidRequest valid(const std::string& prompt, std::int64_t width = 32) const {
    GenerateRequest request{.prompt = prompt, .width = width, .height = 32, .steps = 2, .seed = 1};
    return validate(request, pipeline_->capabilities(), 0);
  }

  std::vector<Image> paint_together(std::vector<ValidRequest> requests) const {
    std::vector<ImageTask> tasks;
    for (const ValidRequest& request : requests) tasks.push_back({.request = &request});
    const auto owned = pipeline_->begin(tasks);
    std::vector<Generation*> generations;
    for (const auto& generation : owned) generations.push_back(generation.get());
    for (int step = 0; step < 2; ++step) pipeline_->step(generations);
    return pipeline_->finish(generations);
  }

  test::SeededModel model_{"z_image"};
  std::unique_ptr<Pipeline> pipeline_;
};

TEST_F(ZImage, PaintsPromptsOfDifferentLengthTogetherAsAlone) {
  open();
  const std::vector<std::string> prompts{"a cat",
                                         "two red hearts and three blue stars "
                                         "in the water",
                                         "猫"};
  std::vector<ValidRequest> requests;
  for (const std::string& prompt : prompts) requests.push_back(valid(prompt));
  const std::vector<Image> together = paint_together(requests);
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const Image alone = paint_together({requests[i]}).front();
    EXPECT_GE(test::psnr(test::pixels_of(together[i]), test::pixels_of(alone), 255), 60) << i;
  }
  EXPECT_NE(together[0].rgb, together[1].rgb);
}

TEST_F(ZImage, CanBeAskedForWhatTheReferenceTakes) {
  open("auto");
  const Capabilities& capabilities = pipeline_->capabilities();
  EXPECT_EQ(capabilities.guidance_scale.fallback, 0);
  EXPECT_EQ(capabilities.no_guidance_until, 0);
  EXPECT_EQ(capabilities.steps.fallback, 8);
  EXPECT_EQ(capabilities.max_prompt_tokens, 512);
  EXPECT_EQ(capabilities.size.multiple, 16);
  EXPECT_EQ(capabilities.size.height.max, 40 * 16);  // the positions of its axes
  EXPECT_EQ(capabilities.size.width.max, 48 * 16);
  EXPECT_TRUE(capabilities.previews);
  EXPECT_TRUE(capabilities.negative_prompt);
  EXPECT_EQ(capabilities.cfg_normalization.max, 20);
  EXPECT_EQ(capabilities.cfg_truncation.min, 0);
}

TEST_F(ZImage, RefusesASizeThatIsNoMultipleOf16NamingFieldAndLimit) {
  open();
  const test::Refused refused = test::refused([&] { valid("a cat", 40); });
  EXPECT_EQ(refused.code, ErrorCode::unsupported_size);
  EXPECT_EQ(refused.param, "width");
  EXPECT_NE(refused.message.find("multiples of 16"), std::string::npos);
}

TEST_F(ZImage, SaysThatAPromptWasCut) {
  open();
  const ValidRequest request = valid(std::string(1000, '1'));
  const ImageTask task{.request = &request};
  const auto generation = std::move(pipeline_->begin({&task, 1}).front());
  EXPECT_TRUE(generation->prompt_truncated());
  EXPECT_EQ(generation->prompt_tokens(), 512);
}

TEST_F(ZImage, PreviewsWithColoursFittedToItsDecoder) {
  open();
  const ValidRequest request = valid("a cat", 48);
  const ImageTask task{.request = &request};
  const auto generation = std::move(pipeline_->begin({&task, 1}).front());
  Generation* one = generation.get();
  pipeline_->step({&one, 1});
  const Image preview = pipeline_->preview(*one);
  EXPECT_EQ(preview.width, 6);
  EXPECT_EQ(preview.height, 4);
}

TEST_F(ZImage, RunsInBf16UnlessToldOtherwiseAndRefusesFp16WithTheReason) {
  EXPECT_EQ(pipeline::resolved_dtype({.path = model_.path()}), "bf16");
  EXPECT_EQ(pipeline::resolved_dtype({.path = model_.path(), .dtype = "fp32"}), "fp32");
  const test::Refused refused = test::refused([&] { open("fp16"); });
  EXPECT_EQ(refused.code, ErrorCode::invalid_config);
  EXPECT_NE(refused.message.find("65504"), std::string::npos);
}

TEST_F(ZImage, RefusesFeaturesThatItLacks) {
  const auto file = model_.path() / "transformer/config.json";
  const nlohmann::json whole = nlohmann::json::parse(std::ifstream(file));
  for (const auto& [key, value] : {std::pair<std::string, nlohmann::json>{"siglip_feat_dim", 8},
                                   {"qk_norm", false},
                                   {"all_patch_size", {2, 4}},
                                   {"all_f_patch_size", {2}},
                                   {"unheard_of", 1}}) {
    nlohmann::json json = whole;
    json[key] = value;
    std::ofstream(file) << json;
    const test::Refused refused = test::refused([&] { open(); });
    EXPECT_EQ(refused.code, ErrorCode::unsupported_model) << key;
    EXPECT_EQ(refused.param, key);
  }
}

TEST_F(ZImage, RefusesAxesWithoutPositionsForThePromptsThatItTakes) {
  const auto file = model_.path() / "transformer/config.json";
  nlohmann::json json = nlohmann::json::parse(std::ifstream(file));
  json["axes_lens"] = {513, 40, 48};
  std::ofstream(file) << json;
  const test::Refused refused = test::refused([&] { open(); });
  EXPECT_EQ(refused.code, ErrorCode::invalid_model);
  EXPECT_EQ(refused.param, "axes_lens");
}

}  // namespace
}  // namespace bafa
