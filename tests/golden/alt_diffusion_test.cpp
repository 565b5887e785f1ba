// The whole way of the tiny AltDiffusion checkpoint against the reference library, stage by stage:
// ids, embeddings, noise, schedule, each prediction, each state, decoded pixels.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <string>

#include "support/golden_painting.h"

namespace bafa {
namespace {

using test::kGoldenData;

class AltDiffusionGolden : public testing::TestWithParam<std::string> {
 protected:
  test::GoldenPainting painting_{kGoldenData / "alt_diffusion",
                                 kGoldenData / (GetParam() + ".safetensors")};
};

TEST_P(AltDiffusionGolden, EqualsTheReferenceStageByStageInFp32) {
  painting_.expect_equal_stages(painting_.paint("fp32"));
}

TEST_P(AltDiffusionGolden, StaysNearTheReferenceInBf16) {
  const Image image = painting_.paint("bf16");
  EXPECT_TRUE(at::equal(painting_.traced("noise"), painting_.golden()["noise"]))
      << "flow matching draws in fp32 in every dtype";
  EXPECT_GE(test::psnr(test::pixels_of(image), painting_.golden()["pixels"], 255), 30);
}

INSTANTIATE_TEST_SUITE_P(All, AltDiffusionGolden,
                         testing::Values("image_square", "image_odd_size", "image_guided"),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace bafa
