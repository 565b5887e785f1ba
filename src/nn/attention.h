// Scaled dot-product attention, the function alone and as the layer of diffusers' transformer
// blocks. Called by the device thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "nn/linear.h"
#include "weights/weight_map.h"

namespace bafa::nn {

// Heads lie side by side in the last dimension, which must be contiguous; other strides are free.
struct AttentionInput {
  at::Tensor query;       // [B, Sq, heads * head_dim]
  at::Tensor key;         // [B, Sk, heads * head_dim]
  at::Tensor value;       // [B, Sk, heads * head_dim]
  at::Tensor key_mask{};  // [B, Sk] bool, true = attend; undefined: all
  std::int64_t heads = 1;
  bool causal = false;  // query i attends keys 0..i only; without a mask
};

// softmax(q k^T / sqrt(head_dim)) v -> [B, Sq, heads * head_dim]. A row of the mask must keep at
// least one key.
at::Tensor attention(const AttentionInput& input);

// The same as plain products over blocks of query rows, so that memory grows with the tokens and
// not with their square. What attention() takes where ATen has no fused kernel, or where that
// kernel does without the processor's bf16 units.
at::Tensor attention_by_rows(const AttentionInput& input);

struct SelfAttentionOptions {
  std::int64_t channels = 0;
  std::int64_t heads = 1;  // must divide the channels
  bool bias = false;       // of to_q, to_k, to_v; to_out.0 always has one
};

// to_q, to_k, to_v of the same tokens, attention, to_out.0.
class SelfAttention {
 public:
  SelfAttention(const weights::WeightScope& scope, const SelfAttentionOptions& options);

  // x, residual [B, S, C] -> to_out(attention(x)) + residual [B, S, C]
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& residual) const;

 private:
  std::int64_t heads_;
  Linear to_qkv_;
  Linear to_out_;
};

struct CrossAttentionOptions {
  std::int64_t channels = 0;
  std::int64_t heads = 1;  // must divide the channels
  std::int64_t text_features = 0;
};

// Queries from the image, keys and values from the text. These do not change between the steps of a
// picture, so they are computed apart from the rest, once for a prompt.
class CrossAttention {
 public:
  CrossAttention(const weights::WeightScope& scope, const CrossAttentionOptions& options);

  // text [B, S, text_features] -> keys and values side by side [B, S, 2 * C]
  at::Tensor keys_values(const at::Tensor& text) const;

  // x, residual [B, Sq, C] -> to_out(attention(x, text)) + residual [B, Sq, C]
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& keys_values,
                        const at::Tensor& residual) const;

 private:
  std::int64_t channels_;
  std::int64_t heads_;
  Linear to_q_;
  Linear to_kv_;
  Linear to_out_;
};

}  // namespace bafa::nn
