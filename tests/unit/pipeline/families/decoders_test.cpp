// The decoders of the families fed with the golden latents after the last step.
#include "pipeline/families/decoders.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "base/files.h"
#include "base/json.h"
#include "support/golden.h"
#include "support/layer_weights.h"
#include "support/refused.h"
#include "support/temporary_folder.h"

namespace bafa::pipeline {
namespace {

using test::GoldenFile;
using test::kGoldenData;

std::unique_ptr<Decoder> open(const std::string& family, const LoadTarget& target,
                              const DecoderOptions& options) {
  return load_decoder(read_model_index(kGoldenData / family), target, options);
}

struct Case {
  std::string family, image;
};

class DecoderGolden : public testing::TestWithParam<Case> {};

TEST_P(DecoderGolden, DecodesAsTheReference) {
  const c10::InferenceMode inference;
  const auto& [family, image] = GetParam();
  const GoldenFile golden(kGoldenData / family / "golden" / (image + ".safetensors"));
  const auto decoder = open(family, {}, {.latent_channels = 4});
  EXPECT_EQ(decoder->scale(), 8);
  const at::Tensor latents = golden["latents." + golden.fact("steps")].unsqueeze(0);
  const at::Tensor decoded = decoder->decode(latents, {})[0] / 2 + 0.5;
  EXPECT_LT(test::relative_error(decoded, golden["decoded"]), 1e-4);
}

INSTANTIATE_TEST_SUITE_P(All, DecoderGolden,
                         testing::Values(Case{"stable_diffusion", "odd_size"},
                                         Case{"stable_diffusion_xl", "negative"},
                                         Case{"latent_consistency", "guidance"}),
                         [](const auto& test) { return test.param.family; });

// The file of this one says that it overflows fp16.
TEST(LoadDecoder, RunsInFp32InsteadOfFp16WhereConfigAndFamilySaySo) {
  const c10::InferenceMode inference;
  const GoldenFile golden(kGoldenData / "stable_diffusion_xl/golden/negative.safetensors");
  const at::Tensor latents = golden["latents.3"].unsqueeze(0);
  const auto dtype = [&](at::ScalarType run, Upcast upcast) {
    return open("stable_diffusion_xl", {.dtype = run}, {.latent_channels = 4, .upcast = upcast})
        ->decode(latents, {})
        .scalar_type();
  };
  EXPECT_EQ(dtype(at::kHalf, Upcast::where_config_says), at::kFloat);
  EXPECT_EQ(dtype(at::kHalf, Upcast::never), at::kHalf);
  EXPECT_EQ(dtype(at::kBFloat16, Upcast::where_config_says), at::kBFloat16);
}

TEST(LoadDecoder, RefusesLatentsThatAreNotTheDenoisers) {
  for (const std::string family : {"stable_diffusion", "latent_consistency"}) {
    const test::Refused why = test::refused([&] { open(family, {}, {.latent_channels = 16}); });
    EXPECT_EQ(why.code, ErrorCode::invalid_model);
    EXPECT_EQ(why.param, "latent_channels");
  }
}

// The reference's pipelines put latents back to scale themselves, and not all heed all of the file.
TEST(LoadDecoder, HeedsOfTheLatentsScaleWhatTheFamilyDoes) {
  const c10::InferenceMode inference;
  const test::TemporaryFolder copy;
  const std::filesystem::path source = kGoldenData / "stable_diffusion";
  std::filesystem::copy(source / "vae", copy.path() / "vae");
  std::filesystem::copy(source / "model_index.json", copy.path() / "model_index.json");
  const at::Tensor latents = test::noise({1, 4, 5, 6});
  const auto decode = [&](const Json& changes, Unscaling unscaling) {
    Json config = Json::parse(read_file(source / "vae/config.json", 1 << 16));
    config.update(changes);
    write_file(copy.path() / "vae/config.json", config.dump());
    return load_decoder(read_model_index(copy.path()), {},
                        {.latent_channels = 4, .unscaling = unscaling})
        ->decode(latents, {});
  };
  const Json shifted = {{"shift_factor", 0.5}};
  const Json normalised = {{"latents_mean", {1, 1, 1, 1}}, {"latents_std", {2, 2, 2, 2}}};
  const at::Tensor plain = decode(Json::object(), Unscaling::all);
  EXPECT_FALSE(at::equal(decode(shifted, Unscaling::all), plain));
  EXPECT_TRUE(at::equal(decode(shifted, Unscaling::without_shift), plain));
  EXPECT_TRUE(at::equal(decode(shifted, Unscaling::scaling_factor_only), plain));
  EXPECT_FALSE(at::equal(decode(normalised, Unscaling::without_shift), plain));
  EXPECT_TRUE(at::equal(decode(normalised, Unscaling::scaling_factor_only), plain));
}

}  // namespace
}  // namespace bafa::pipeline
