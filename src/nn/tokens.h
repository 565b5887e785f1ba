// The same pixels seen as an image or as tokens. Images are channels_last, so both are views of one
// memory.
#pragma once

#include <ATen/core/Tensor.h>

namespace bafa::nn {

// x [B, C, H, W] -> [B, H * W, C]; copies when x is not channels_last.
inline at::Tensor to_tokens(const at::Tensor& x) {
  return x.permute({0, 2, 3, 1}).reshape({x.size(0), x.size(2) * x.size(3), x.size(1)});
}

// tokens [B, H * W, C] -> [B, C, H, W] with the height and width of `like`.
inline at::Tensor to_image(const at::Tensor& tokens, const at::Tensor& like) {
  return tokens.view({tokens.size(0), like.size(2), like.size(3), tokens.size(2)})
      .permute({0, 3, 1, 2});
}

}  // namespace bafa::nn
