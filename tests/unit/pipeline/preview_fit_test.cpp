#include "pipeline/preview_fit.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace bafa::pipeline {
namespace {

// A decoder that is what is fitted: a colour for each latent channel, in pixels of 4 by 4.
class LinearDecoder final : public Decoder {
 public:
  explicit LinearDecoder(at::Tensor colours) : colours_(std::move(colours)) {}
  int scale() const override { return 4; }
  at::Tensor decode(const at::Tensor& latents, const model::DecodeOptions&) const override {
    const at::Tensor rgb = at::einsum("bchw,cr->brhw", {latents, colours_}) + 0.25;
    return rgb.repeat_interleave(4, 2).repeat_interleave(4, 3);
  }
  std::uint64_t workspace_bytes(std::int64_t, std::int64_t) const override { return 0; }

 private:
  at::Tensor colours_;  // [C, 3]
};

TEST(PreviewFit, FindsTheColoursOfALinearDecoder) {
  const at::Tensor colours = at::randn({16, 3}, at::detail::createCPUGenerator(4));
  const PreviewColours fit = fit_preview(LinearDecoder(colours), 16, at::kCPU);
  ASSERT_EQ(fit.latent_to_rgb.size(), 16u);
  for (int channel = 0; channel < 16; ++channel)
    for (int c = 0; c < 3; ++c)
      EXPECT_NEAR(fit.latent_to_rgb[static_cast<std::size_t>(channel)][static_cast<std::size_t>(c)],
                  colours[channel][c].item<float>() / 2, 1e-4);
  for (const float bias : fit.bias) EXPECT_NEAR(bias, 0.625, 1e-4);
}

}  // namespace
}  // namespace bafa::pipeline
