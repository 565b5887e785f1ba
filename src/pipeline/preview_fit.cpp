#include "pipeline/preview_fit.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linalg_lstsq.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>

#include <cstddef>

namespace bafa::pipeline {
namespace {

constexpr std::int64_t kPatches = 8;  // along a side; more than enough equations for 16 channels
constexpr std::int64_t kPatch = 4;    // latents along a side of one colour
constexpr std::uint64_t kSeed = 1;

// [C, kPatches, kPatches] -> each value as a patch
at::Tensor enlarged(const at::Tensor& values) {
  return values.repeat_interleave(kPatch, 1).repeat_interleave(kPatch, 2);
}

// Rows of the places of an image [C, h, w] -> [h * w, C]
at::Tensor rows(const at::Tensor& image) { return image.flatten(1).transpose(0, 1); }

}  // namespace

PreviewColours fit_preview(const Decoder& decoder, std::int64_t channels, at::Device device) {
  const at::TensorOptions wide(at::kFloat);
  const at::Tensor values =
      at::randn({channels, kPatches, kPatches}, at::detail::createCPUGenerator(kSeed), wide);
  const at::Tensor decoded = decoder.decode(enlarged(values).unsqueeze(0).to(device), {});
  const std::int64_t pixels = kPatch * decoder.scale();
  const at::Tensor unit = decoded.to(at::kCPU, at::kFloat) / 2 + 0.5;
  const at::Tensor colours = at::avg_pool2d(unit, {pixels, pixels}, {pixels, pixels})[0];
  const at::Tensor known = at::cat({rows(values), at::ones({kPatches * kPatches, 1}, wide)}, 1);
  const at::Tensor map =
      std::get<0>(at::linalg_lstsq(known, rows(colours))).contiguous();  // [channels + 1, 3]
  PreviewColours fit;
  const auto row = [&](std::int64_t i) {
    const float* at = map.const_data_ptr<float>() + 3 * i;
    return std::array<float, 3>{at[0], at[1], at[2]};
  };
  for (std::int64_t i = 0; i < channels; ++i) fit.latent_to_rgb.push_back(row(i));
  fit.bias = row(channels);
  return fit;
}

}  // namespace bafa::pipeline
