#include "model/tiles.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "model/autoencoder_kl.h"
#include "model/autoencoder_tiny.h"
#include "support/allocated_bytes.h"
#include "support/golden.h"
#include "support/layer_weights.h"

namespace bafa::model {
namespace {

using test::kGoldenData;
using test::relative_error;

// Both as small checkpoints; the file stays open as long as its weights are used.
template <typename Decoder>
Decoder open(at::ScalarType dtype = at::kFloat);

template <>
AutoencoderKlDecoder open(at::ScalarType dtype) {
  ComponentConfig file(kGoldenData / "vae_attention" / "config.json");
  weights::WeightMap map(
      weights::Checkpoint(kGoldenData / "vae_attention", "diffusion_pytorch_model"),
      {.dtype = dtype, .ignored = autoencoder_kl_unused()});
  return {parse_autoencoder_kl_config(file), map.root()};
}

template <>
AutoencoderTinyDecoder open(at::ScalarType dtype) {
  ComponentConfig file(kGoldenData / "vae_tiny" / "config.json");
  weights::WeightMap map(weights::Checkpoint(kGoldenData / "vae_tiny", "diffusion_pytorch_model"),
                         {.dtype = dtype, .ignored = autoencoder_tiny_unused()});
  return {parse_autoencoder_tiny_config(file), map.root()};
}

// Three rows of tiles, the last one of two latents.
TEST(Tiles, OfAutoencoderKlEqualTheReference) {
  const c10::InferenceMode inference;
  const test::GoldenFile golden(kGoldenData / "vae_attention" / "tiled.safetensors");
  const auto decoder = open<AutoencoderKlDecoder>();
  const at::Tensor decoded = decoder(golden["latents"], {.tile = 8});
  EXPECT_LT(relative_error(decoded, golden["decoded"]), 1e-5);
  EXPECT_GT(relative_error(decoder(golden["latents"]), golden["decoded"]), 1e-2);
}

TEST(Tiles, OfAutoencoderTinyEqualTheReference) {
  const c10::InferenceMode inference;
  const test::GoldenFile golden(kGoldenData / "vae_tiny" / "tiled.safetensors");
  const auto decoder = open<AutoencoderTinyDecoder>();
  const at::Tensor decoded = decoder(golden["latents"], {.tile = 8});
  EXPECT_LT(relative_error(decoded, golden["decoded"]), 1e-5);
  EXPECT_GT(relative_error(decoder(golden["latents"]), golden["decoded"]), 1e-2);
}

TEST(Tiles, AreNotCutWhereThePictureIsNoLarger) {
  const c10::InferenceMode inference;
  const auto decoder = open<AutoencoderKlDecoder>();
  const at::Tensor latents = test::noise({2, 6, 10, 12});
  EXPECT_TRUE(at::equal(decoder(latents, {.tile = 12}), decoder(latents)));
  EXPECT_FALSE(at::equal(decoder(latents, {.tile = 11}), decoder(latents)));
}

TEST(Tiles, KeepTheRunDtype) {
  const c10::InferenceMode inference;
  const at::Tensor latents = test::noise({1, 4, 9, 17});
  const auto tiny = open<AutoencoderTinyDecoder>(at::kBFloat16);
  const auto whole = open<AutoencoderTinyDecoder>();
  const at::Tensor decoded = tiny(latents, {.tile = 8});
  EXPECT_EQ(decoded.scalar_type(), at::kBFloat16);
  EXPECT_LT(relative_error(decoded, whole(latents, {.tile = 8})), 0.03);
}

// Whatever the sides, each pixel is painted, and by the tiles that lie on it.
TEST(Tiles, PutAPictureTogetherThatDecodesPixelByPixel) {
  const c10::InferenceMode inference;
  const Decode enlarge = [](const at::Tensor& latents) {
    return latents.narrow(1, 0, 3).repeat_interleave(2, 2).repeat_interleave(2, 3);
  };
  for (const Blending blending : {Blending::with_neighbours, Blending::over_canvas}) {
    for (const auto& [height, width] : std::vector<std::pair<std::int64_t, std::int64_t>>{
             {1, 9}, {9, 1}, {8, 16}, {13, 31}, {14, 15}, {50, 22}}) {
      for (const std::int64_t tile : {8, 9, 10, 11, 12, 31}) {
        const at::Tensor latents = test::noise({2, 4, height, width});
        const at::Tensor pictures =
            decode_in_parts(latents, {.tile = tile}, {.blending = blending, .scale = 2}, enlarge);
        EXPECT_LT(relative_error(pictures, enlarge(latents)), 1e-6)
            << height << "x" << width << " in tiles of " << tile;
      }
    }
  }
}

TEST(Tiles, AreNeverLargerThanAsked) {
  const c10::InferenceMode inference;
  const Decode check = [](const at::Tensor& latents) {
    EXPECT_EQ(latents.size(0), 1);
    EXPECT_LE(latents.size(2), 8);
    EXPECT_LE(latents.size(3), 8);
    return at::zeros({1, 3, latents.size(2) * 8, latents.size(3) * 8});
  };
  const at::Tensor latents = test::noise({3, 4, 17, 6});
  EXPECT_EQ(decode_in_parts(latents, {.one_by_one = true, .tile = 8}, {}, check).sizes(),
            (std::vector<std::int64_t>{3, 3, 136, 48}));
}

TEST(OneByOne, GivesEachPictureOfTheBatchInItsPlace) {
  const c10::InferenceMode inference;
  const auto decoder = open<AutoencoderKlDecoder>();
  const at::Tensor latents = test::noise({3, 6, 5, 7});
  EXPECT_LT(relative_error(decoder(latents, {.one_by_one = true}), decoder(latents)), 1e-5);
}

// The pictures themselves are alive in any case: [B, 3, 128, 128] fp32.
TEST(Tiles, NeedLessMemory) {
  const c10::InferenceMode inference;
  const auto decoder = open<AutoencoderKlDecoder>();
  const at::Tensor latents = test::noise({4, 6, 64, 64});
  const auto peak = [&](const DecodeOptions& options) {
    return test::peak_bytes([&] { decoder(latents, options); });
  };
  const std::int64_t pictures = std::int64_t{4} * 3 * 128 * 128 * 4;
  const std::int64_t whole = peak({});
  EXPECT_GT(whole, 2 * pictures);
  EXPECT_LT(peak({.one_by_one = true}), pictures + (whole - pictures) / 2);
  EXPECT_LT(peak({.one_by_one = true, .tile = 16}), pictures + (whole - pictures) / 6);
}

}  // namespace
}  // namespace bafa::model
