#include "nn/transformer_2d.h"

#include <cstddef>

#include "base/check.h"
#include "nn/tokens.h"

namespace bafa::nn {
namespace {

constexpr double kNormEps = 1e-6;  // of the group norm; the blocks' layer norms have 1e-5

// A 1x1 convolution is a linear layer over the tokens: only the stored shape differs.
Linear projection(const weights::WeightScope& scope, std::int64_t channels, bool linear) {
  if (linear) return Linear(scope, channels, channels);
  const at::Tensor weight = scope.tensor("weight", {channels, channels, 1, 1});
  return Linear(scope, weight.squeeze(-1).squeeze(-1), scope.tensor("bias", {channels}));
}

}  // namespace

TransformerBlock::TransformerBlock(const weights::WeightScope& scope,
                                   const CrossAttentionOptions& options)
    : norm1_(scope / "norm1", options.channels),
      attn1_(scope / "attn1", {.channels = options.channels, .heads = options.heads}),
      norm2_(scope / "norm2", options.channels),
      attn2_(scope / "attn2", options),
      norm3_(scope / "norm3", options.channels),
      ff_(scope / "ff", options.channels) {}

at::Tensor TransformerBlock::operator()(const at::Tensor& x, const at::Tensor& keys_values) const {
  at::Tensor hidden = attn1_(norm1_(x), x);
  hidden = attn2_(norm2_(hidden), keys_values, hidden);
  return ff_(norm3_(hidden), hidden);
}

Transformer2d::Transformer2d(const weights::WeightScope& scope, const Transformer2dOptions& options)
    : norm_(scope / "norm", options.attention.channels,
            {.groups = options.groups, .eps = kNormEps}),
      proj_in_(
          projection(scope / "proj_in", options.attention.channels, options.linear_projection)),
      proj_out_(
          projection(scope / "proj_out", options.attention.channels, options.linear_projection)) {
  for (std::int64_t layer = 0; layer < options.layers; ++layer) {
    blocks_.emplace_back(scope / "transformer_blocks" / layer, options.attention);
  }
}

void Transformer2d::append_keys_values(const at::Tensor& text, std::vector<at::Tensor>& out) const {
  for (const TransformerBlock& block : blocks_) out.push_back(block.keys_values(text));
}

at::Tensor Transformer2d::operator()(const at::Tensor& x,
                                     std::span<const at::Tensor> keys_values) const {
  CHECK(keys_values.size() == blocks_.size());
  at::Tensor tokens = proj_in_(to_tokens(norm_(x)));
  for (std::size_t i = 0; i < blocks_.size(); ++i) tokens = blocks_[i](tokens, keys_values[i]);
  return to_image(proj_out_(tokens, to_tokens(x)), x);
}

}  // namespace bafa::nn
