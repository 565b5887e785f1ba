// Attention inside a U-Net: the pixels of an image become tokens, look at each other and at the
// text, and go back. Called by the device thread. Source: diffusers
// models/transformers/transformer_2d.py (Transformer2DModel, continuous input) and
// models/attention.py (BasicTransformerBlock).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "nn/attention.h"
#include "nn/feed_forward.h"
#include "nn/linear.h"
#include "nn/norm.h"
#include "weights/weight_map.h"

namespace bafa::nn {

// Self-attention, cross-attention, feed-forward; each normalised before and added to its input.
class TransformerBlock {
 public:
  TransformerBlock(const weights::WeightScope& scope, const CrossAttentionOptions& options);

  // text [B, S, text_features] -> [B, S, 2 * C]
  at::Tensor keys_values(const at::Tensor& text) const { return attn2_.keys_values(text); }

  // x [B, S, C] -> [B, S, C]
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& keys_values) const;

 private:
  LayerNorm norm1_;
  SelfAttention attn1_;
  LayerNorm norm2_;
  CrossAttention attn2_;
  LayerNorm norm3_;
  GegluFeedForward ff_;
};

struct Transformer2dOptions {
  CrossAttentionOptions attention;
  std::int64_t layers = 1;
  std::int64_t groups = 32;        // of the norm in front
  bool linear_projection = false;  // proj_in and proj_out are stored as linear layers, not as 1x1
};

class Transformer2d {
 public:
  Transformer2d(const weights::WeightScope& scope, const Transformer2dOptions& options);

  // Appends keys and values of each block for text [B, S, text_features]: `layers` x [B, S, 2 * C].
  void append_keys_values(const at::Tensor& text, std::vector<at::Tensor>& out) const;

  // Number of tensors that append_keys_values adds and operator() takes.
  std::size_t layers() const { return blocks_.size(); }

  // x [B, C, H, W] channels_last -> the same
  at::Tensor operator()(const at::Tensor& x, std::span<const at::Tensor> keys_values) const;

 private:
  GroupNorm norm_;
  Linear proj_in_;
  std::vector<TransformerBlock> blocks_;
  Linear proj_out_;
};

}  // namespace bafa::nn
