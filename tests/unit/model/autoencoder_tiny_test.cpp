#include "model/autoencoder_tiny.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <string>

#include "support/golden.h"
#include "support/layer_weights.h"
#include "support/refused.h"

namespace bafa::model {
namespace {

using test::kGoldenData;
using test::relative_error;

class AutoencoderTinyGolden : public testing::TestWithParam<at::ScalarType> {};

// Latents of up to four times what the decoder takes as they are: it bends them into its range.
TEST_P(AutoencoderTinyGolden, DecodesAsTheReference) {
  const c10::InferenceMode inference;
  ComponentConfig file(kGoldenData / "vae_tiny" / "config.json");
  const AutoencoderTinyConfig config = parse_autoencoder_tiny_config(file);
  EXPECT_EQ(config.scale(), 4);
  weights::WeightMap map(weights::Checkpoint(kGoldenData / "vae_tiny", "diffusion_pytorch_model"),
                         {.dtype = GetParam(), .ignored = autoencoder_tiny_unused()});
  const AutoencoderTinyDecoder decoder(config, map.root());
  map.finish();
  const test::GoldenFile golden(kGoldenData / "vae_tiny" / "golden.safetensors");
  const at::Tensor decoded = decoder(golden["latents"]);
  EXPECT_EQ(decoded.scalar_type(), GetParam());
  EXPECT_LT(relative_error(decoded, golden["decoded"]), GetParam() == at::kFloat ? 1e-5 : 0.03);
}

INSTANTIATE_TEST_SUITE_P(All, AutoencoderTinyGolden, testing::Values(at::kFloat, at::kBFloat16),
                         [](const auto& test) {
                           return test.param == at::kFloat ? std::string("Fp32")
                                                           : std::string("Bf16");
                         });

TEST(AutoencoderTiny, PutsLatentsBackToScaleAsItsConfigSays) {
  const c10::InferenceMode inference;
  ComponentConfig file(kGoldenData / "vae_tiny" / "config.json");
  AutoencoderTinyConfig config = parse_autoencoder_tiny_config(file);
  weights::WeightMap map(weights::Checkpoint(kGoldenData / "vae_tiny", "diffusion_pytorch_model"),
                         {.ignored = autoencoder_tiny_unused()});
  const AutoencoderTinyDecoder plain(config, map.root());
  config.scaling_factor = 0.5;
  config.shift_factor = 0.25;
  const AutoencoderTinyDecoder scaled(config, map.root());
  const at::Tensor latents = test::noise({1, 4, 3, 5});
  EXPECT_LT(relative_error(scaled(latents), plain(latents / 0.5 + 0.25)), 1e-6);
}

// Two convolutions that hand on what they get show what comes into the first.
TEST(AutoencoderTiny, RoundsLatentsToBf16OnceOnly) {
  const c10::InferenceMode inference;
  test::LayerWeights layers;
  layers.conv("decoder.layers.0", 1, 1, 3).conv("decoder.layers.2", 1, 3, 3);
  for (const std::string layer : {"decoder.layers.0", "decoder.layers.2"}) {
    layers[layer + ".bias"].zero_();
    layers[layer + ".weight"].zero_().select(3, 1).select(2, 1).fill_(1);
  }
  auto opened = layers.open(at::kBFloat16);
  const AutoencoderTinyDecoder decoder(
      {.latent_channels = 1, .channels = 1, .blocks = {0}, .scaling_factor = 0.7}, opened.root());
  const at::Tensor latents = at::linspace(0.1, 4, 256).view({1, 1, 16, 16});
  const at::Tensor rounded = (at::tanh(latents / 0.7 / 3) * 3).to(at::kBFloat16);
  EXPECT_TRUE(at::equal(decoder(latents), (rounded * 2 - 1).expand({1, 3, 16, 16})));
}

TEST(AutoencoderTinyConfig, RefusesWhatItCannotDecode) {
  const auto why = [](const Json& json) {
    return test::refused([&] {
      ComponentConfig file(json, "vae/config.json");
      parse_autoencoder_tiny_config(file);
    });
  };
  EXPECT_EQ(why({{"act_fn", "gelu"}}).code, ErrorCode::unsupported_model);
  EXPECT_EQ(why({{"upsample_fn", "bilinear"}}).param, "upsample_fn");
  EXPECT_EQ(why({{"upsampling_scaling_factor", 4}}).param, "upsampling_scaling_factor");
  EXPECT_EQ(why({{"num_decoder_blocks", {1, 1}}}).code, ErrorCode::invalid_model);
  EXPECT_EQ(why({{"decoder_block_out_channels", {64, 64, 64, 32}}}).param,
            "decoder_block_out_channels");
  EXPECT_EQ(why({{"scaling_factor", 0}}).param, "scaling_factor");
}

}  // namespace
}  // namespace bafa::model
