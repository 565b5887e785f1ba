// The decoders of the families fed with the golden latents after the last step.
#include "pipeline/families/decoders.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <string>

#include "support/golden.h"
#include "support/layer_weights.h"
#include "support/refused.h"

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

}  // namespace
}  // namespace bafa::pipeline
