#include "model/unet_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bafa::model {
namespace {

using testing::HasSubstr;

UNetConfig parse(const char* json) {
  ComponentConfig config(Json::parse(json), "unet/config.json");
  return parse_unet_config(config);
}

void expect_error(const char* json, ErrorCode code, const std::string& key) {
  try {
    parse(json);
    FAIL() << "accepted " << json;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_EQ(error.param(), key);
    EXPECT_THAT(error.what(), HasSubstr("unet/config.json"));
  }
}

TEST(UNetConfig, TakesTheReferenceClassesDefaults) {
  const UNetConfig unet = parse(R"({"_class_name": "UNet2DConditionModel"})");
  ASSERT_EQ(unet.levels.size(), 4);
  EXPECT_EQ(unet.levels[2].channels, 1280);
  EXPECT_EQ(unet.levels[0].heads, 8);
  EXPECT_EQ(unet.levels[3].down_transformers, 0);
  EXPECT_EQ(unet.levels[3].up_transformers, 0);
  EXPECT_EQ(unet.levels[0].up_transformers, 1);
  EXPECT_EQ(unet.text_features, 1280);
  EXPECT_EQ(unet.time_features, 1280);
}

TEST(UNetConfig, ReadsListsForEachBlock) {
  const UNetConfig unet = parse(R"({
    "block_out_channels": [320, 640, 1280], "attention_head_dim": [5, 10, 20],
    "layers_per_block": [1, 2, 3], "transformer_layers_per_block": [1, 2, 10],
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"]})");
  EXPECT_EQ(unet.levels[0].down_transformers, 0);
  EXPECT_EQ(unet.levels[1].down_transformers, 2);
  EXPECT_EQ(unet.levels[2].up_transformers, 10);
  EXPECT_EQ(unet.levels[1].up_transformers, 2);
  EXPECT_EQ(unet.levels[1].heads, 10);
  EXPECT_EQ(unet.levels[2].layers, 3);
  EXPECT_EQ(unet.mid_transformers, 10);
}

TEST(UNetConfig, ReadsTheTransformersOfTheWayUpApart) {
  const UNetConfig unet = parse(R"({
    "block_out_channels": [32, 64], "transformer_layers_per_block": [1, 2],
    "reverse_transformer_layers_per_block": [3, 4],
    "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D"]})");
  EXPECT_EQ(unet.levels[1].up_transformers, 3);  // the way up begins at the coarsest
  EXPECT_EQ(unet.levels[0].up_transformers, 4);
}

TEST(UNetConfig, ReadsWhatJoinsTheTimeEmbedding) {
  const UNetConfig unet = parse(R"({
    "addition_embed_type": "text_time", "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816, "time_cond_proj_dim": 256})");
  EXPECT_EQ(unet.pooled_features, 1280);
  EXPECT_EQ(unet.size_id_features, 256);
  EXPECT_EQ(unet.guidance_features, 256);
  EXPECT_EQ(parse(R"({"addition_embed_type": null, "time_cond_proj_dim": null})").pooled_features,
            0);
}

TEST(UNetConfig, MayHaveNoMidBlock) {
  EXPECT_TRUE(parse(R"({})").has_mid_block);
  EXPECT_FALSE(parse(R"({"mid_block_type": null})").has_mid_block);
}

TEST(UNetConfig, RefusesFeaturesByName) {
  const auto unsupported = ErrorCode::unsupported_model;
  expect_error(R"({"class_embed_type": "timestep"})", unsupported, "class_embed_type");
  expect_error(R"({"addition_embed_type": "text_image"})", unsupported, "addition_embed_type");
  expect_error(R"({"encoder_hid_dim": 4096})", unsupported, "encoder_hid_dim");
  expect_error(R"({"only_cross_attention": true})", unsupported, "only_cross_attention");
  expect_error(R"({"resnet_time_scale_shift": "scale_shift"})", unsupported,
               "resnet_time_scale_shift");
  expect_error(R"({"act_fn": "mish"})", unsupported, "act_fn");
  expect_error(R"({"mid_block_type": "UNetMidBlock2D"})", unsupported, "mid_block_type");
  expect_error(R"({"resnet_out_scale_factor": 1.4})", unsupported, "resnet_out_scale_factor");
  expect_error(R"({"norm_num_groups": null})", unsupported, "norm_num_groups");
  expect_error(R"({"num_attention_heads": 8})", unsupported, "num_attention_heads");
  expect_error(R"({"flux_capacitor": 1})", unsupported, "flux_capacitor");
  expect_error(R"({"down_block_types": ["AttnDownBlock2D", "DownBlock2D", "DownBlock2D",
                   "DownBlock2D"]})",
               unsupported, "down_block_types");
  expect_error(R"({"cross_attention_dim": [8, 8, 8, 16]})", unsupported, "cross_attention_dim");
}

TEST(UNetConfig, RefusesValuesThatCannotBe) {
  const auto invalid = ErrorCode::invalid_model;
  expect_error(R"({"block_out_channels": []})", invalid, "block_out_channels");
  expect_error(R"({"block_out_channels": [320, 640]})", invalid, "down_block_types");
  expect_error(R"({"norm_num_groups": 7})", invalid, "norm_num_groups");
  expect_error(R"({"attention_head_dim": 7})", invalid, "attention_head_dim");
  expect_error(R"({"norm_eps": 0})", invalid, "norm_eps");
  expect_error(R"({"conv_in_kernel": 4})", invalid, "conv_in_kernel");
  expect_error(R"({"freq_shift": 160})", invalid, "freq_shift");
  expect_error(R"({"time_cond_proj_dim": 255})", invalid, "time_cond_proj_dim");
  expect_error(R"({"addition_embed_type": "text_time", "addition_time_embed_dim": 256})", invalid,
               "projection_class_embeddings_input_dim");
  expect_error(R"({"addition_embed_type": "text_time", "addition_time_embed_dim": 256,
                   "projection_class_embeddings_input_dim": 1536})",
               invalid, "projection_class_embeddings_input_dim");
  expect_error(R"({"addition_embed_type": "text_time", "addition_time_embed_dim": 5,
                   "projection_class_embeddings_input_dim": 1536})",
               invalid, "addition_time_embed_dim");
}

}  // namespace
}  // namespace bafa::model
