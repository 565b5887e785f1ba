#include "nn/attention.h"

#include <ATen/ops/scaled_dot_product_attention.h>

#include <optional>
#include <vector>

#include "base/check.h"
#include "nn/linear_stack.h"

namespace bafa::nn {
namespace {

// [B, S, heads * D] -> [B, heads, S, D], a view
at::Tensor split_heads(const at::Tensor& x, std::int64_t heads) {
  return x.view({x.size(0), x.size(1), heads, x.size(2) / heads}).transpose(1, 2);
}

Linear query_key_value(const weights::WeightScope& scope, const SelfAttentionOptions& options) {
  LinearStack stack(options.channels, {.bias = options.bias});
  for (const char* name : {"to_q", "to_k", "to_v"}) stack.add(scope / name, options.channels);
  return stack.join();
}

Linear key_value(const weights::WeightScope& scope, const CrossAttentionOptions& options) {
  LinearStack stack(options.text_features, {.bias = false});
  for (const char* name : {"to_k", "to_v"}) stack.add(scope / name, options.channels);
  return stack.join();
}

}  // namespace

at::Tensor attention(const AttentionInput& input) {
  const at::Tensor query = split_heads(input.query, input.heads);
  const at::Tensor key = split_heads(input.key, input.heads);
  const at::Tensor value = split_heads(input.value, input.heads);
  std::optional<at::Tensor> mask;
  if (input.key_mask.defined()) mask = input.key_mask.unsqueeze(1).unsqueeze(1);
  const at::Tensor out = at::scaled_dot_product_attention(query, key, value, mask);
  return out.transpose(1, 2).reshape(input.query.sizes());
}

SelfAttention::SelfAttention(const weights::WeightScope& scope, const SelfAttentionOptions& options)
    : heads_(options.heads),
      to_qkv_(query_key_value(scope, options)),
      to_out_(scope / "to_out" / 0, options.channels, options.channels) {
  CHECK(options.heads > 0 && options.channels % options.heads == 0);
}

at::Tensor SelfAttention::operator()(const at::Tensor& x, const at::Tensor& residual) const {
  const at::Tensor qkv = to_qkv_(x);
  const std::vector<at::Tensor> parts = qkv.chunk(3, -1);
  return to_out_(
      attention({.query = parts[0], .key = parts[1], .value = parts[2], .heads = heads_}),
      residual);
}

CrossAttention::CrossAttention(const weights::WeightScope& scope,
                               const CrossAttentionOptions& options)
    : channels_(options.channels),
      heads_(options.heads),
      to_q_(scope / "to_q", options.channels, options.channels, {.bias = false}),
      to_kv_(key_value(scope, options)),
      to_out_(scope / "to_out" / 0, options.channels, options.channels) {
  CHECK(options.heads > 0 && options.channels % options.heads == 0);
}

at::Tensor CrossAttention::keys_values(const at::Tensor& text) const { return to_kv_(text); }

at::Tensor CrossAttention::operator()(const at::Tensor& x, const at::Tensor& keys_values,
                                      const at::Tensor& residual) const {
  return to_out_(attention({.query = to_q_(x),
                            .key = keys_values.narrow(-1, 0, channels_),
                            .value = keys_values.narrow(-1, channels_, channels_),
                            .heads = heads_}),
                 residual);
}

}  // namespace bafa::nn
