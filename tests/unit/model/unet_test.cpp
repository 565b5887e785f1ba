#include "model/unet.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "support/golden.h"
#include "support/layer_weights.h"

namespace bafa::model {
namespace {

using test::relative_error;

const std::filesystem::path kData = "tests/golden/data";

// A network of the golden data with the inputs and the output that the reference library gave.
struct Golden {
  explicit Golden(const std::string& name, at::ScalarType dtype = at::kFloat)
      : config_file(kData / name / "config.json"),
        config(parse_unet_config(config_file)),
        map(weights::Checkpoint(kData / name, "diffusion_pytorch_model"), {.dtype = dtype}),
        unet(config, map.root()) {
    map.finish();
  }

  ComponentConfig config_file;
  UNetConfig config;
  weights::WeightMap map;
  UNet unet;
  c10::InferenceMode inference;
};

struct Numbers {
  explicit Numbers(const std::string& name)
      : map(weights::Checkpoint(kData / name / "golden.safetensors"), {}),
        sample(map.root().tensor("sample", {2, 4, 9, 11})),
        text(map.root().tensor("text", {2, 5, 24})),
        timesteps(map.root().tensor("timesteps", {2})),
        prediction(map.root().tensor("prediction", {2, 4, 9, 11})) {
    map.finish();
  }

  weights::WeightMap map;
  at::Tensor sample, text, timesteps, prediction;
};

class UNetGolden : public testing::TestWithParam<std::string> {};

// 9 x 11 latents: every level has an odd side; the two images are at different times.
TEST_P(UNetGolden, EqualsTheReferenceAtOddSizesAndMixedTimes) {
  const Golden golden(GetParam());
  const Numbers numbers(GetParam());
  const UNetText text = golden.unet.prepare(numbers.text);
  const at::Tensor prediction =
      golden.unet({.latents = numbers.sample, .timesteps = numbers.timesteps, .text = &text});
  EXPECT_LT(relative_error(prediction, numbers.prediction), 1e-5);
}

TEST_P(UNetGolden, StaysNearTheReferenceInBf16) {
  const Golden golden(GetParam(), at::kBFloat16);
  const Numbers numbers(GetParam());
  const UNetText text = golden.unet.prepare(numbers.text);
  const at::Tensor prediction =
      golden.unet({.latents = numbers.sample, .timesteps = numbers.timesteps, .text = &text});
  EXPECT_EQ(prediction.scalar_type(), at::kBFloat16);
  EXPECT_LT(relative_error(prediction, numbers.prediction), 0.03);
}

TEST_P(UNetGolden, GivesAnImageTheSameAloneAndInABatch) {
  const Golden golden(GetParam());
  const Numbers numbers(GetParam());
  std::vector<UNetText> texts;
  std::vector<at::Tensor> alone;
  for (std::int64_t i = 0; i < 2; ++i) {
    texts.push_back(golden.unet.prepare(numbers.text.narrow(0, i, 1)));
    alone.push_back(golden.unet({.latents = numbers.sample.narrow(0, i, 1),
                                 .timesteps = numbers.timesteps.narrow(0, i, 1),
                                 .text = &texts.back()}));
  }
  const std::vector<const UNetText*> both{&texts[0], &texts[1]};
  const UNetText joined = join(both);
  const at::Tensor together =
      golden.unet({.latents = numbers.sample, .timesteps = numbers.timesteps, .text = &joined});
  EXPECT_LT(relative_error(together, at::cat(alone)), 1e-6);
}

INSTANTIATE_TEST_SUITE_P(All, UNetGolden, testing::Values("unet_linear", "unet_no_mid"),
                         [](const auto& test) { return test.param; });

// Beside the text, networks of this kind are told its pooled form and the picture's sizes.
TEST(UNet, EqualsTheReferenceWithAPooledTextAndSizes) {
  const test::GoldenFile numbers(kData / "unet_text_time" / "golden.safetensors");
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const Golden golden("unet_text_time", dtype);
    EXPECT_EQ(golden.config.pooled_features, 20);
    const UNetText text = golden.unet.prepare(numbers["text"], numbers["pooled"]);
    const at::Tensor prediction = golden.unet({.latents = numbers["sample"],
                                               .timesteps = numbers["timesteps"],
                                               .text = &text,
                                               .size_ids = numbers["size_ids"]});
    if (dtype == at::kFloat) {
      EXPECT_LT(relative_error(prediction, numbers["prediction"]), 1e-5);
    } else {
      EXPECT_LT(relative_error(prediction, numbers["prediction.bf16_sizes"]), 0.03);
    }
  }
}

// Distilled networks are told how strong guidance would be.
TEST(UNet, EqualsTheReferenceWithGuidanceAsItsInput) {
  const test::GoldenFile numbers(kData / "unet_guidance" / "golden.safetensors");
  const at::Tensor scales = at::tensor({8.5, 1.3}, at::kDouble);
  EXPECT_TRUE(at::equal(nn::guidance_sinusoids(scales, 16), numbers["guidance_embedding"]));
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const Golden golden("unet_guidance", dtype);
    const UNetText text = golden.unet.prepare(numbers["text"]);
    const at::Tensor prediction = golden.unet({.latents = numbers["sample"],
                                               .timesteps = numbers["timesteps"],
                                               .text = &text,
                                               .guidance_scales = scales});
    EXPECT_LT(relative_error(prediction, numbers["prediction"]), dtype == at::kFloat ? 1e-5 : 0.03);
  }
}

TEST(UNet, JoinsPooledTextsInABatch) {
  const test::GoldenFile numbers(kData / "unet_text_time" / "golden.safetensors");
  const Golden golden("unet_text_time");
  std::vector<UNetText> texts;
  for (std::int64_t i = 0; i < 2; ++i)
    texts.push_back(
        golden.unet.prepare(numbers["text"].narrow(0, i, 1), numbers["pooled"].narrow(0, i, 1)));
  const std::vector<const UNetText*> both{&texts[0], &texts[1]};
  EXPECT_TRUE(at::equal(join(both).pooled, numbers["pooled"]));
}

TEST(UNet, RefusesAConfigThatItsWeightsDoNotFit) {
  ComponentConfig file(kData / "unet_no_mid" / "config.json");
  UNetConfig config = parse_unet_config(file);
  config.levels.front().layers = 2;
  weights::WeightMap map(weights::Checkpoint(kData / "unet_no_mid", "diffusion_pytorch_model"), {});
  const UNet unet(config, map.root());
  EXPECT_THROW(map.finish(), Error);
}

}  // namespace
}  // namespace bafa::model
