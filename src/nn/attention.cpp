#include "nn/attention.h"

#include <ATen/SDPBackend.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/_fused_sdp_choice.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "base/check.h"
#include "device/cpu_features.h"
#include "nn/cpu/fused.h"
#include "nn/cpu/token_kernels.h"
#include "nn/linear_stack.h"

namespace bafa::nn {
namespace {

// [B, S, heads * D] -> [B, heads, S, D], a view
at::Tensor split_heads(const at::Tensor& x, std::int64_t heads) {
  return x.view({x.size(0), x.size(1), heads, x.size(2) / heads}).transpose(1, 2);
}

constexpr std::int64_t kCachedScores = 1LL << 21;  // of a block that stays in a processor's cache
constexpr std::int64_t kScores = 1LL << 24;        // of a block elsewhere
constexpr float kLeftOut = -std::numeric_limits<float>::infinity();

// Where the keys of scores [..., rows, Sk] come after the queries begin, begin + 1, ...
at::Tensor later_keys(const at::Tensor& scores, std::int64_t begin) {
  const at::TensorOptions options = scores.options().dtype(at::kBool);
  return at::ones({scores.size(-2), scores.size(-1)}, options).triu(begin + 1);
}

// What one product of scores [images, heads, rows, keys] takes.
struct Block {
  std::int64_t images, heads, rows;
};

Block largest_block(const at::Tensor& query, std::int64_t keys) {
  const std::int64_t most = query.device().is_cpu() ? kCachedScores : kScores;
  const std::int64_t head = std::max<std::int64_t>(1, query.size(2) * keys);
  const std::int64_t image = query.size(1) * head;
  if (image <= most) return {most / image, query.size(1), query.size(2)};
  if (head <= most) return {1, most / head, query.size(2)};
  return {1, 1, std::max<std::int64_t>(1, most / keys)};
}

// Calls step(begin, size) for parts of 0..total of at most `most`.
template <typename Step>
void for_parts(std::int64_t total, std::int64_t most, const Step& step) {
  for (std::int64_t begin = 0; begin < total; begin += most) {
    step(begin, std::min(most, total - begin));
  }
}

// ATen would otherwise keep the scores of all queries at once.
bool has_fused_kernel(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                      const std::optional<at::Tensor>& mask, bool causal) {
  const auto backend =
      static_cast<at::SDPBackend>(at::_fused_sdp_choice(query, key, value, mask, 0, causal));
  return backend != at::SDPBackend::math && backend != at::SDPBackend::error;
}

// ATen's fused kernel multiplies bf16 with AMX or else in fp32, never with AVX-512's bf16 products,
// which plain products use: 2.2 to 3.9 times faster on a processor that has only those.
bool fused_is_slow(const at::Tensor& query) {
  return query.device().is_cpu() && query.scalar_type() == at::kBFloat16 &&
         device::cpu_features().avx512_bf16 && !device::cpu_features().amx_bf16;
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

// query [B, heads, rows, D], times 1 / sqrt(D); keys [B, heads, D, Sk], values [B, heads, Sk, D];
// mask [B, Sk] or undefined. `causal_from`: the first row's place among all queries.
at::Tensor attend_rows(const at::Tensor& query, const at::Tensor& keys, const at::Tensor& values,
                       const at::Tensor& mask, std::optional<std::int64_t> causal_from) {
  at::Tensor scores = at::matmul(query, keys);
  if (!mask.defined() && !causal_from && cpu::has_fused(scores)) {
    cpu::softmax(scores);
    return at::matmul(scores, values);
  }
  if (mask.defined()) scores.masked_fill_(mask.logical_not().unsqueeze(1).unsqueeze(1), kLeftOut);
  if (causal_from) scores.masked_fill_(later_keys(scores, *causal_from), kLeftOut);
  return at::matmul(scores.softmax(-1), values);
}

}  // namespace

at::Tensor attention_by_rows(const AttentionInput& input) {
  const at::Tensor query = split_heads(input.query, input.heads);
  const at::Tensor key = split_heads(input.key, input.heads);
  const at::Tensor value = split_heads(input.value, input.heads);
  const double scale = 1 / std::sqrt(static_cast<double>(query.size(3)));
  at::Tensor out = at::empty_like(input.query, at::TensorOptions(), at::MemoryFormat::Contiguous);
  const at::Tensor out_heads = split_heads(out, input.heads);
  const Block block = largest_block(query, key.size(2));
  for_parts(query.size(0), block.images, [&](std::int64_t image, std::int64_t images) {
    const at::Tensor mask =
        input.key_mask.defined() ? input.key_mask.narrow(0, image, images) : at::Tensor();
    for_parts(input.heads, block.heads, [&](std::int64_t head, std::int64_t heads) {
      const auto part = [&](const at::Tensor& x) {
        return x.narrow(0, image, images).narrow(1, head, heads);
      };
      // Products of matrices that lie close are faster by more than the copies cost.
      const at::Tensor scaled = (part(query) * scale).contiguous();
      const at::Tensor keys = part(key).transpose(2, 3).contiguous();
      const at::Tensor values = part(value).contiguous();
      for_parts(query.size(2), block.rows, [&](std::int64_t row, std::int64_t rows) {
        part(out_heads)
            .narrow(2, row, rows)
            .copy_(attend_rows(scaled.narrow(2, row, rows), keys, values, mask,
                               input.causal ? std::optional(row) : std::nullopt));
      });
    });
  });
  return out;
}

at::Tensor attention(const AttentionInput& input) {
  CHECK(!(input.causal && input.key_mask.defined()));
  if (fused_is_slow(input.query)) return attention_by_rows(input);
  const at::Tensor query = split_heads(input.query, input.heads);
  const at::Tensor key = split_heads(input.key, input.heads);
  const at::Tensor value = split_heads(input.value, input.heads);
  std::optional<at::Tensor> mask;
  if (input.key_mask.defined()) mask = input.key_mask.unsqueeze(1).unsqueeze(1);
  if (!has_fused_kernel(query, key, value, mask, input.causal)) return attention_by_rows(input);
  const at::Tensor out = at::scaled_dot_product_attention(query, key, value, mask, 0, input.causal);
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
