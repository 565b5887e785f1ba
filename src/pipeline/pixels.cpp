#include "pipeline/pixels.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/einsum.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/round.h>

#include <cstring>

#include "base/check.h"

namespace bafa::pipeline {
namespace {

// unit [H, W, 3] fp32, 0..1
Image to_image(const at::Tensor& unit) {
  const at::Tensor levels = at::round(unit * 255).to(at::kByte).contiguous();
  Image image;
  image.height = static_cast<int>(levels.size(0));
  image.width = static_cast<int>(levels.size(1));
  image.rgb.resize(levels.nbytes());
  std::memcpy(image.rgb.data(), levels.const_data_ptr(), levels.nbytes());
  return image;
}

}  // namespace

std::vector<Image> to_images(const at::Tensor& decoded) {
  CHECK(decoded.dim() == 4 && decoded.size(1) == 3);
  const at::Tensor unit = at::clamp(decoded * 0.5 + 0.5, 0, 1);
  const at::Tensor pixels = unit.to(at::kCPU).permute({0, 2, 3, 1}).to(at::kFloat);
  std::vector<Image> images;
  for (std::int64_t i = 0; i < pixels.size(0); ++i) images.push_back(to_image(pixels[i]));
  return images;
}

Image to_preview(const at::Tensor& latents, const PreviewColours& colours) {
  at::Tensor matrix = at::empty({static_cast<std::int64_t>(colours.latent_to_rgb.size()), 3},
                                at::TensorOptions(at::kFloat));
  float* out = matrix.mutable_data_ptr<float>();
  for (const std::array<float, 3>& row : colours.latent_to_rgb)
    for (const float value : row) *out++ = value;
  at::Tensor bias = at::empty({3}, at::TensorOptions(at::kFloat));
  std::memcpy(bias.mutable_data_ptr(), colours.bias.data(), sizeof colours.bias);
  const at::Tensor rgb = at::einsum("chw,cr->hwr", {latents.to(at::kCPU), matrix}) + bias;
  return to_image(at::clamp(rgb, 0, 1));
}

bool all_finite(const at::Tensor& values) { return at::isfinite(values).all().item<bool>(); }

}  // namespace bafa::pipeline
