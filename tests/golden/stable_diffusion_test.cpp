// The whole way of the tiny checkpoints of Stable Diffusion's families against
// the reference's own pipeline classes, stage by stage.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <string>

#include "support/golden_painting.h"

namespace bafa {
namespace {

using test::kGoldenData;

struct Case {
  std::string family, image;
};

class StableDiffusionGolden : public testing::TestWithParam<Case> {
 protected:
  test::GoldenPainting painting_{
      kGoldenData / GetParam().family,
      kGoldenData / GetParam().family / "golden" / (GetParam().image + ".safetensors")};
};

TEST_P(StableDiffusionGolden, EqualsTheReferenceStageByStageInFp32) {
  painting_.expect_equal_stages(painting_.paint("fp32"));
}

TEST_P(StableDiffusionGolden, DrawsItsNoiseInTheRunsType) {
  painting_.paint("bf16");
  EXPECT_TRUE(at::equal(painting_.traced("noise"), painting_.golden()["noise.bf16"]));
}

// Those whose steps draw no noise of their own, so that the reference in fp32 can start from the
// same first noise.
class StableDiffusionGoldenInBf16 : public StableDiffusionGolden {};

TEST_P(StableDiffusionGoldenInBf16, StaysNearTheReference) {
  const Image image = painting_.paint("bf16");
  EXPECT_GE(test::psnr(test::pixels_of(image), painting_.golden()["pixels.bf16_noise"], 255), 30);
}

std::string name_of(const testing::TestParamInfo<Case>& test) {
  return test.param.family + "_" + test.param.image;
}

INSTANTIATE_TEST_SUITE_P(All, StableDiffusionGolden,
                         testing::Values(Case{"stable_diffusion", "guided"},
                                         Case{"stable_diffusion", "negative"},
                                         Case{"stable_diffusion", "odd_size"},
                                         Case{"stable_diffusion_xl", "no_negative"},
                                         Case{"stable_diffusion_xl", "empty_negative"},
                                         Case{"stable_diffusion_xl", "negative"},
                                         Case{"stable_diffusion_xl", "odd_size"},
                                         Case{"latent_consistency", "guidance"},
                                         Case{"latent_consistency", "odd_size"}),
                         name_of);

INSTANTIATE_TEST_SUITE_P(All, StableDiffusionGoldenInBf16,
                         testing::Values(Case{"stable_diffusion", "guided"},
                                         Case{"stable_diffusion", "negative"},
                                         Case{"stable_diffusion", "odd_size"}),
                         name_of);

}  // namespace
}  // namespace bafa
