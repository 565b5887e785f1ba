#include "model/autoencoder_kl.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "support/golden.h"
#include "support/layer_weights.h"

namespace bafa::model {
namespace {

using test::relative_error;
using testing::HasSubstr;

const std::filesystem::path kData = "tests/golden/data";

AutoencoderKlConfig parse(const char* json) {
  ComponentConfig config(Json::parse(json), "vae/config.json");
  return parse_autoencoder_kl_config(config);
}

weights::WeightOptions options(at::ScalarType dtype) {
  return {
      .dtype = dtype, .ignored = autoencoder_kl_unused(), .rename = autoencoder_kl_current_name};
}

class AutoencoderKlGolden : public testing::TestWithParam<at::ScalarType> {};

// With mid attention, without post_quant_conv, scaled and shifted latents, odd sides.
TEST_P(AutoencoderKlGolden, DecodesAsTheReference) {
  ComponentConfig file(kData / "vae_attention" / "config.json");
  const AutoencoderKlConfig config = parse_autoencoder_kl_config(file);
  weights::WeightMap map(weights::Checkpoint(kData / "vae_attention", "diffusion_pytorch_model"),
                         options(GetParam()));
  const AutoencoderKlDecoder decoder(config, map.root());
  map.finish();
  weights::WeightMap numbers(weights::Checkpoint(kData / "vae_attention" / "golden.safetensors"),
                             {});
  const at::Tensor latents = numbers.root().tensor("latents", {2, 6, 5, 7});
  const at::Tensor decoded = numbers.root().tensor("decoded", {2, 3, 10, 14});
  numbers.finish();
  const c10::InferenceMode inference;
  EXPECT_LT(relative_error(decoder(latents), decoded), GetParam() == at::kFloat ? 1e-5 : 0.03);
}

INSTANTIATE_TEST_SUITE_P(All, AutoencoderKlGolden, testing::Values(at::kFloat, at::kBFloat16),
                         [](const auto& test) {
                           return test.param == at::kFloat ? std::string("Fp32")
                                                           : std::string("Bf16");
                         });

// Stable Diffusion 1's file: both quant_convs, the attention under its old names.
TEST(AutoencoderKl, DecodesAFileWithTheOldNamesAsTheReference) {
  const c10::InferenceMode inference;
  ComponentConfig file(kData / "vae_old_names" / "config.json");
  const AutoencoderKlConfig config = parse_autoencoder_kl_config(file);
  EXPECT_DOUBLE_EQ(config.scaling_factor, 0.18215);
  weights::WeightMap map(weights::Checkpoint(kData / "vae_old_names", "diffusion_pytorch_model"),
                         options(at::kFloat));
  const AutoencoderKlDecoder decoder(config, map.root());
  map.finish();
  const test::GoldenFile golden(kData / "vae_old_names" / "golden.safetensors");
  EXPECT_LT(relative_error(decoder(golden["latents"]), golden["decoded"]), 1e-5);
}

TEST(AutoencoderKl, KnowsTheOldNamesOfTheMidAttention) {
  const std::string at = "decoder.mid_block.attentions.0.";
  EXPECT_EQ(autoencoder_kl_current_name(at + "query.weight"), at + "to_q.weight");
  EXPECT_EQ(autoencoder_kl_current_name(at + "key.bias"), at + "to_k.bias");
  EXPECT_EQ(autoencoder_kl_current_name(at + "value.weight"), at + "to_v.weight");
  EXPECT_EQ(autoencoder_kl_current_name(at + "proj_attn.bias"), at + "to_out.0.bias");
  EXPECT_EQ(autoencoder_kl_current_name(at + "group_norm.bias"), at + "group_norm.bias");
  EXPECT_EQ(autoencoder_kl_current_name("decoder.conv_in.weight"), "decoder.conv_in.weight");
}

TEST(AutoencoderKlConfig, ReadsTheNumbersThatPutLatentsBackToScale) {
  const AutoencoderKlConfig config = parse(R"({
    "block_out_channels": [128, 256, 512, 512], "latent_channels": 2, "scaling_factor": 0.3611,
    "shift_factor": 0.1159, "latents_mean": [0, 1.5], "latents_std": [1, 2],
    "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D",
                         "DownEncoderBlock2D"],
    "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D",
                       "UpDecoderBlock2D"]})");
  EXPECT_EQ(config.scale(), 8);
  EXPECT_DOUBLE_EQ(config.scaling_factor, 0.3611);
  EXPECT_DOUBLE_EQ(config.shift_factor, 0.1159);
  EXPECT_EQ(config.latents_mean, (std::vector<double>{0, 1.5}));
}

TEST(AutoencoderKlConfig, RefusesWhatItCannotDecode) {
  const auto expect_error = [](const char* json, ErrorCode code, const std::string& key) {
    try {
      parse(json);
      FAIL() << "accepted " << json;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      EXPECT_EQ(error.param(), key);
      EXPECT_THAT(error.what(), HasSubstr("vae/config.json"));
    }
  };
  expect_error(R"({"act_fn": "relu"})", ErrorCode::unsupported_model, "act_fn");
  expect_error(R"({"up_block_types": ["AttnUpDecoderBlock2D"]})", ErrorCode::unsupported_model,
               "up_block_types");
  expect_error(R"({"out_channels": 4})", ErrorCode::unsupported_model, "out_channels");
  expect_error(R"({"tiny": true})", ErrorCode::unsupported_model, "tiny");
  expect_error(R"({"scaling_factor": 0})", ErrorCode::invalid_model, "scaling_factor");
  expect_error(R"({"norm_num_groups": 5})", ErrorCode::invalid_model, "norm_num_groups");
  expect_error(R"({"latents_mean": [0, 0, 0, 0]})", ErrorCode::invalid_model, "latents_mean");
  expect_error(R"({"latents_mean": [0], "latents_std": [1]})", ErrorCode::invalid_model,
               "latents_mean");
}

TEST(AutoencoderKl, NormalisesLatentsByMeanAndDeviation) {
  ComponentConfig file(kData / "vae_attention" / "config.json");
  AutoencoderKlConfig plain = parse_autoencoder_kl_config(file);
  plain.scaling_factor = 1;
  plain.shift_factor = 0;
  AutoencoderKlConfig normalised = plain;
  normalised.scaling_factor = 0.5;
  normalised.latents_mean = {0, 1, 2, 3, 4, 5};
  normalised.latents_std = {1, 1, 2, 2, 3, 3};
  weights::WeightMap map(weights::Checkpoint(kData / "vae_attention", "diffusion_pytorch_model"),
                         options(at::kFloat));
  const AutoencoderKlDecoder one(plain, map.root());
  const AutoencoderKlDecoder other(normalised, map.root());
  const at::Tensor latents = test::noise({1, 6, 5, 7});
  const at::Tensor mean = at::tensor({0, 1, 2, 3, 4, 5}, at::kFloat).view({1, 6, 1, 1});
  const at::Tensor std = at::tensor({1, 1, 2, 2, 3, 3}, at::kFloat).view({1, 6, 1, 1});
  EXPECT_LT(relative_error(other(latents), one(latents * std / 0.5 + mean)), 1e-5);
}

}  // namespace
}  // namespace bafa::model
