// The embedded model's own pictures, decoded whole and in tiles: how much they differ, and whether
// a seam shows where two tiles meet.
#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "model/tiles.h"
#include "pipeline/families/decoders.h"
#include "pipeline/load.h"
#include "pipeline/trace.h"
#include "support/golden.h"
#include "support/temporary_folder.h"

namespace bafa {
namespace {

const std::filesystem::path kModel = "models/bafa-emoji";
constexpr std::int64_t kTile = 24;    // latents of the picture's 32
constexpr std::int64_t kStride = 18;  // from one tile to the next
constexpr std::int64_t kPixels = 8;   // along a side of a latent

at::Tensor painted_latents(const std::string& prompt) {
  pipeline::Trace trace;
  const auto pipeline = pipeline::load({.path = kModel, .threads = 1, .trace = &trace});
  GenerateRequest wish;
  wish.prompt = prompt;
  wish.seed = 7;
  const ValidRequest request = validate(wish, pipeline->capabilities(), 0);
  const ImageTask task{.request = &request};
  const auto generations = pipeline->begin({&task, 1});
  Generation* const generation = generations.front().get();
  while (!generation->denoised()) pipeline->step({&generation, 1});
  const test::TemporaryFolder folder;
  trace.write(folder.path() / "trace.safetensors");
  const test::GoldenFile traced(folder.path() / "trace.safetensors");
  return traced["latents.8"].unsqueeze(0);
}

// 0..1, as it is shown
at::Tensor shown(const at::Tensor& decoded) { return (decoded / 2 + 0.5).clamp(0, 1); }

// How much more the tiled picture jumps than the whole one where tiles begin, as a signal-to-noise
// ratio over those pixels alone.
double seam_db(const at::Tensor& tiled, const at::Tensor& whole) {
  const at::Tensor difference = tiled - whole;
  const auto jump = [&](std::int64_t dim) {
    const std::int64_t at = kStride * kPixels;
    return (difference.select(dim, at) - difference.select(dim, at - 1)).flatten();
  };
  const at::Tensor jumps = at::cat({jump(2), jump(3)});
  return test::psnr(jumps, at::zeros_like(jumps), 1);
}

TEST(EmbeddedModelInTiles, LooksAsDecodedWholeAndShowsNoSeam) {
  const c10::InferenceMode inference;
  const auto index = pipeline::read_model_index(kModel);
  const auto decoder = pipeline::load_decoder(index, {}, {.latent_channels = 4});
  for (const char* prompt : {"a red apple", "绿心"}) {
    const at::Tensor latents = painted_latents(prompt);
    const at::Tensor whole = shown(decoder->decode(latents, {}));
    const at::Tensor tiled = shown(decoder->decode(latents, {.tile = kTile}));
    EXPECT_GE(test::psnr(tiled, whole, 1), 35) << prompt;
    EXPECT_FALSE(at::equal(tiled, whole)) << prompt;
    EXPECT_GE(seam_db(tiled, whole), 50) << prompt;
  }
}

}  // namespace
}  // namespace bafa
