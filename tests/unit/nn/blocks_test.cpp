// The layers that are made of other layers: each against the same sum written with ATen's own
// operators.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "nn/embedding.h"
#include "nn/feed_forward.h"
#include "nn/resample.h"
#include "nn/resnet_block.h"
#include "nn/timestep_embedding.h"
#include "nn/transformer_2d.h"
#include "support/layer_weights.h"

namespace bafa::nn {
namespace {

using test::channels_last_noise;
using test::kFp32Error;
using test::LayerWeights;
using test::noise;
using test::relative_error;

TEST(Embedding, LooksRowsUp) {
  const LayerWeights weights = LayerWeights().add("table.weight", {11, 6});
  auto map = weights.open();
  const Embedding embedding(map.root() / "table", 11, 6);
  map.finish();
  const at::Tensor ids = at::tensor({0, 10, 3, 3}, at::kLong).view({2, 2});
  EXPECT_TRUE(
      embedding(ids).equal(weights["table.weight"].index_select(0, ids.view(-1)).view({2, 2, 6})));
}

TEST(TimestepSinusoids, MatchHandWrittenNumbers) {
  const at::Tensor timesteps = at::tensor({0.0F, 500.25F, 1000.0F});
  const at::Tensor y = timestep_sinusoids(timesteps, {.features = 6});
  ASSERT_EQ(y.sizes(), (at::IntArrayRef{3, 6}));
  for (std::int64_t row = 0; row < 3; ++row) {
    for (std::int64_t j = 0; j < 3; ++j) {
      const double t = timesteps[row].item<float>();
      const double angle = t * std::pow(10000.0, -static_cast<double>(j) / 3);
      EXPECT_NEAR(y[row][j].item<float>(), std::cos(angle), 1e-4);
      EXPECT_NEAR(y[row][3 + j].item<float>(), std::sin(angle), 1e-4);
    }
  }
}

TEST(TimestepSinusoids, PutSinesFirstAndShiftTheFrequenciesWhenAsked) {
  const at::Tensor y = timestep_sinusoids(
      at::tensor({3.0F}), {.features = 4, .flip_sin_to_cos = false, .freq_shift = 1});
  EXPECT_NEAR(y[0][0].item<float>(), std::sin(3.0), 1e-6);
  EXPECT_NEAR(y[0][1].item<float>(), std::sin(3.0 / 10000), 1e-6);
  EXPECT_NEAR(y[0][2].item<float>(), std::cos(3.0), 1e-6);
}

TEST(TimestepEmbedding, IsTwoLayersWithSiluBetween) {
  const LayerWeights weights = LayerWeights().linear("linear_1", 8, 20).linear("linear_2", 20, 20);
  auto map = weights.open();
  const TimestepEmbedding embedding(map.root(), {.in = 8, .out = 20});
  map.finish();
  const at::Tensor x = noise({3, 8});
  const at::Tensor hidden =
      at::silu(at::linear(x, weights["linear_1.weight"], weights["linear_1.bias"]));
  EXPECT_LT(relative_error(embedding(x), at::linear(hidden, weights["linear_2.weight"],
                                                    weights["linear_2.bias"])),
            kFp32Error);
}

TEST(GegluFeedForward, GatesValuesWithExactGelu) {
  const LayerWeights weights = LayerWeights().linear("net.0.proj", 12, 96).linear("net.2", 48, 12);
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    auto map = weights.open(dtype);
    const GegluFeedForward layer(map.root(), 12);
    map.finish();
    const at::Tensor x = noise({2, 9, 12});
    const auto halves =
        at::linear(x, weights["net.0.proj.weight"], weights["net.0.proj.bias"]).chunk(2, -1);
    const at::Tensor expected = at::linear(halves[0] * at::gelu(halves[1]), weights["net.2.weight"],
                                           weights["net.2.bias"]) +
                                x;
    EXPECT_LT(relative_error(layer(x.to(dtype), x.to(dtype)), expected),
              dtype == at::kFloat ? kFp32Error : 2 * test::kBf16Error);
  }
}

TEST(SiluFeedForward, GatesValuesWithSilu) {
  const LayerWeights weights = LayerWeights()
                                   .linear("w1", 12, 42, false)
                                   .linear("w3", 12, 42, false)
                                   .linear("w2", 42, 12, false);
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    auto map = weights.open(dtype);
    const SiluFeedForward layer(
        map.root(), {.channels = 12, .features = 42, .gate = "w1", .value = "w3", .out = "w2"});
    map.finish();
    const at::Tensor x = noise({2, 9, 12});
    const at::Tensor inner =
        at::silu(at::linear(x, weights["w1.weight"])) * at::linear(x, weights["w3.weight"]);
    const at::Tensor expected = at::linear(inner, weights["w2.weight"]);
    const double allowed = dtype == at::kFloat ? kFp32Error : 2 * test::kBf16Error;
    EXPECT_LT(relative_error(layer(x.to(dtype)), expected), allowed);
    EXPECT_LT(relative_error(layer(x.to(dtype), x.to(dtype)), expected + x), allowed);
  }
}

TEST(Upsample2d, RepeatsPixelsThenConvolves) {
  const LayerWeights weights = LayerWeights().conv("conv", 5, 5, 3);
  auto map = weights.open();
  const Upsample2d layer(map.root(), 5);
  map.finish();
  const at::Tensor x = channels_last_noise({2, 5, 4, 7});
  const at::Tensor doubled = x.repeat_interleave(2, 2).repeat_interleave(2, 3);
  EXPECT_LT(relative_error(layer(x, {.height = 8, .width = 14}),
                           at::conv2d(doubled, weights["conv.weight"], weights["conv.bias"], 1, 1)),
            kFp32Error);
}

TEST(Upsample2d, ReachesTheOddSizeOfASkipConnection) {
  const LayerWeights weights = LayerWeights().conv("conv", 3, 3, 3);
  auto map = weights.open();
  const Upsample2d layer(map.root(), 3);
  const at::Tensor x = channels_last_noise({1, 3, 3, 5});
  const at::Tensor enlarged = at::upsample_nearest2d(x, {5, 9});
  EXPECT_LT(
      relative_error(layer(x, {.height = 5, .width = 9}),
                     at::conv2d(enlarged, weights["conv.weight"], weights["conv.bias"], 1, 1)),
      kFp32Error);
}

TEST(Downsample2d, StridesByTwoWithEitherPadding) {
  const LayerWeights weights = LayerWeights().conv("conv", 4, 4, 3);
  const at::Tensor x = channels_last_noise({2, 4, 9, 10});
  for (const std::int64_t padding : {0, 1}) {
    auto map = weights.open();
    const Downsample2d layer(map.root(), 4, padding);
    map.finish();
    const at::Tensor padded = padding == 1 ? x : at::constant_pad_nd(x, {0, 1, 0, 1});
    EXPECT_LT(relative_error(layer(x), at::conv2d(padded, weights["conv.weight"],
                                                  weights["conv.bias"], 2, padding)),
              kFp32Error);
  }
}

at::Tensor plain_resnet(const LayerWeights& w, const at::Tensor& x, const at::Tensor& time) {
  const auto norm = [&](const std::string& name, const at::Tensor& y) {
    return at::silu(at::group_norm(y, 4, w[name + ".weight"], w[name + ".bias"], 1e-5));
  };
  at::Tensor h = at::conv2d(norm("norm1", x), w["conv1.weight"], w["conv1.bias"], 1, 1);
  if (time.defined()) h = h + time.unsqueeze(-1).unsqueeze(-1);
  h = at::conv2d(norm("norm2", h), w["conv2.weight"], w["conv2.bias"], 1, 1);
  if (x.size(1) == h.size(1)) return h + x;
  return h + at::conv2d(x, w["conv_shortcut.weight"], w["conv_shortcut.bias"]);
}

TEST(ResnetBlock, AddsTheTimeAndChangesTheChannels) {
  const LayerWeights weights = LayerWeights()
                                   .norm("norm1", 8)
                                   .conv("conv1", 8, 12, 3)
                                   .linear("time_emb_proj", 20, 12)
                                   .norm("norm2", 12)
                                   .conv("conv2", 12, 12, 3)
                                   .conv("conv_shortcut", 8, 12, 1);
  auto map = weights.open();
  LinearStack times(20);
  const ResnetBlock block(
      map.root(), {.in_channels = 8, .out_channels = 12, .groups = 4, .time_projections = &times});
  const Linear project = times.join();
  map.finish();
  const at::Tensor x = channels_last_noise({2, 8, 7, 5});
  const at::Tensor embedding = noise({2, 20}, 9);
  const at::Tensor time =
      at::linear(embedding, weights["time_emb_proj.weight"], weights["time_emb_proj.bias"]);
  EXPECT_LT(relative_error(block(x, project(embedding)), plain_resnet(weights, x, time)),
            2 * kFp32Error);
}

TEST(ResnetBlock, WorksWithoutTimeAndShortcut) {
  const LayerWeights weights = LayerWeights()
                                   .norm("norm1", 8)
                                   .conv("conv1", 8, 8, 3)
                                   .norm("norm2", 8)
                                   .conv("conv2", 8, 8, 3);
  auto map = weights.open();
  const ResnetBlock block(map.root(), {.in_channels = 8, .out_channels = 8, .groups = 4});
  map.finish();
  const at::Tensor x = channels_last_noise({1, 8, 6, 6});
  EXPECT_LT(relative_error(block(x), plain_resnet(weights, x, {})), 2 * kFp32Error);
}

TEST(Transformer2d, StoresItsProjectionsAsConvolutionsOrAsLinearLayers) {
  const std::int64_t channels = 16;
  const at::Tensor x = channels_last_noise({2, channels, 5, 3});
  const at::Tensor text = noise({2, 6, 10}, 4);
  std::vector<at::Tensor> results;
  for (const bool linear : {false, true}) {
    LayerWeights weights;
    weights.norm("norm", channels);
    for (const char* name : {"proj_in", "proj_out"}) {
      weights.add(std::string(name) + ".weight",
                  linear ? std::vector<std::int64_t>{channels, channels}
                         : std::vector<std::int64_t>{channels, channels, 1, 1});
      weights.add(std::string(name) + ".bias", {channels});
    }
    const std::string block = "transformer_blocks.0.";
    for (const char* name : {"norm1", "norm2", "norm3"}) weights.norm(block + name, channels);
    for (const char* name : {"attn1.to_q", "attn1.to_k", "attn1.to_v", "attn2.to_q"}) {
      weights.linear(block + name, channels, channels, false);
    }
    for (const char* name : {"attn2.to_k", "attn2.to_v"}) {
      weights.linear(block + name, 10, channels, false);
    }
    for (const char* name : {"attn1.to_out.0", "attn2.to_out.0"}) {
      weights.linear(block + name, channels, channels);
    }
    weights.linear(block + "ff.net.0.proj", channels, 8 * channels);
    weights.linear(block + "ff.net.2", 4 * channels, channels);
    auto map = weights.open();
    const Transformer2d layer(map.root(),
                              {.attention = {.channels = channels, .heads = 4, .text_features = 10},
                               .groups = 4,
                               .linear_projection = linear});
    map.finish();
    std::vector<at::Tensor> keys_values;
    layer.append_keys_values(text, keys_values);
    results.push_back(layer(x, keys_values));
    EXPECT_GT(relative_error(results.back(), x), 0.1);
  }
  EXPECT_TRUE(results[0].equal(results[1]));
}

}  // namespace
}  // namespace bafa::nn
