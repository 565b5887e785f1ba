// oneDNN's products with packed weights and fused epilogues, reached through ATen's dispatcher.
// Packing happens once, at loading; a packed weight replaces the plain one, never stands beside it.
// The device thread calls all of it. Only Linear and Conv2d include this file.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>

#include "nn/activation.h"

namespace bafa::nn::onednn {

// True for a dense CPU weight whose dtype this machine's oneDNN computes in natively.
bool can_pack(const at::Tensor& weight);

// Whether a product can apply it to its output in the same pass.
bool can_fuse(Activation activation);

// weight: [out, in]
at::Tensor pack_linear(const at::Tensor& weight);

// x: [..., in] -> [..., out]; bias [out] or undefined.
at::Tensor linear(const at::Tensor& x, const at::Tensor& packed, const at::Tensor& bias,
                  Activation activation);  // one that can_fuse

// The same plus `residual` [..., out], added before rounding to the dtype.
at::Tensor linear_add(const at::Tensor& x, const at::Tensor& residual, const at::Tensor& packed,
                      const at::Tensor& bias);

struct ConvOptions {
  std::int64_t stride = 1;
  std::int64_t padding = 0;
  Activation activation = Activation::none;  // none or relu; packing does not see it
};

// weight: [out, in, kh, kw]. For an input of no size in particular.
at::Tensor pack_conv2d(const at::Tensor& weight, const ConvOptions& options);

// The layout that oneDNN wants depends on the input's size [B, in, H, W] too. It takes any, but
// goes from one packed layout to another by a loop without vectors, in every call.
bool fits(const at::Tensor& packed, at::IntArrayRef input, const ConvOptions& options);

// A copy of `packed` that fits.
at::Tensor fit(const at::Tensor& packed, at::IntArrayRef input, const ConvOptions& options);

// x: [B, in, H, W] channels_last -> [B, out, H', W'] channels_last; bias [out] or undefined
at::Tensor conv2d(const at::Tensor& x, const at::Tensor& packed, const at::Tensor& bias,
                  const ConvOptions& options);

// The same with `sum` [B, out, H', W'] channels_last added before the activation; the result takes
// its memory.
at::Tensor conv2d_add(const at::Tensor& x, at::Tensor sum, const at::Tensor& packed,
                      const at::Tensor& bias, const ConvOptions& options);

}  // namespace bafa::nn::onednn
