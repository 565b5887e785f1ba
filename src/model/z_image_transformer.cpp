#include "model/z_image_transformer.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/reciprocal.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <utility>

#include "base/check.h"
#include "nn/attention.h"
#include "nn/linear_stack.h"
#include "nn/timestep_embedding.h"

namespace bafa::model {
namespace {

constexpr double kHeadNormEps = 1e-5;
constexpr double kFinalNormEps = 1e-6;
constexpr std::int64_t kTimeInner = 1024;
constexpr std::int64_t kTimeSinusoids = 256;
// A norm before and one after the attention, then the feed-forward; scaled, gated, scaled, gated.
constexpr std::array kNorms{"attention_norm1", "attention_norm2", "ffn_norm1", "ffn_norm2"};
constexpr auto kParts = static_cast<std::int64_t>(kNorms.size());

// The network turns neighbours; it is loaded so that halves are turned.
nn::Linear query_key_value(const ZImageConfig& config, const weights::WeightScope& scope) {
  std::vector<at::Tensor> weights;
  for (const char* name : {"to_q", "to_k", "to_v"})
    weights.push_back((scope / name).tensor("weight", {config.features, config.features}));
  for (at::Tensor* turned : {&weights[0], &weights[1]})
    *turned = nn::neighbours_to_halves(*turned, config.head_dim());
  return {scope, at::cat(weights), at::Tensor()};
}

nn::NormRotate norm_rotate(const ZImageConfig& config, const weights::WeightScope& scope) {
  const at::Tensor weight = scope.tensor("weight", {config.head_dim()}, at::kFloat);
  return {nn::neighbours_to_halves(weight, config.head_dim()).contiguous(), kHeadNormEps};
}

at::Tensor norm_weights(const ZImageConfig& config, const weights::WeightScope& scope) {
  std::vector<at::Tensor> weights;
  for (const char* name : kNorms)
    weights.push_back((scope / name).tensor("weight", {config.features}, at::kFloat));
  return at::stack(weights);
}

// Angles in double, rounded to fp32 before their sines are taken, as the reference does.
nn::RopeTable axis_table(const ZImageConfig& config, std::size_t axis, at::Device device) {
  const at::TensorOptions wide(at::kDouble);
  const auto features = static_cast<double>(config.axis_features[axis]);
  const at::Tensor exponent = at::arange(0, config.axis_features[axis], 2, wide) / features;
  const at::Tensor inverse = at::reciprocal(at::pow(config.rope_theta, exponent));
  const at::Tensor positions = at::arange(config.axis_positions[axis], wide);
  const at::Tensor angle = (positions.unsqueeze(1) * inverse).to(at::kFloat);
  return {angle.cos().to(device), angle.sin().to(device)};
}

// x [B, S, features] with `pad` [features] behind, up to a multiple
at::Tensor padded(const at::Tensor& x, const at::Tensor& pad) {
  const std::int64_t missing = z_image_padded(x.size(1)) - x.size(1);
  if (missing == 0) return x;
  return at::cat({x, pad.expand({x.size(0), missing, x.size(2)})}, 1);
}

}  // namespace

ZImageTransformer::Block::Block(const ZImageConfig& config, const weights::WeightScope& scope)
    : heads(config.heads),
      eps(config.norm_eps),
      norms(norm_weights(config, scope)),
      to_qkv(query_key_value(config, scope / "attention")),
      query(norm_rotate(config, scope / "attention" / "norm_q")),
      key(norm_rotate(config, scope / "attention" / "norm_k")),
      to_out(scope / "attention" / "to_out" / 0, config.features, config.features, {.bias = false}),
      feed_forward(scope / "feed_forward", {.channels = config.features,
                                            .features = config.feed_forward_features(),
                                            .gate = "w1",
                                            .value = "w3",
                                            .out = "w2"}) {}

at::Tensor ZImageTransformer::Block::operator()(const at::Tensor& x, const at::Tensor& factors,
                                                const nn::RopeTable& rope) const {
  const auto norm = [&](const at::Tensor& values, std::int64_t which,
                        const at::Tensor& residual = {}) {
    return nn::rms_norm(
        {.x = values, .factor = factors.select(1, which), .residual = residual, .eps = eps});
  };
  const std::vector<at::Tensor> parts = to_qkv(norm(x, 0)).chunk(3, -1);
  const at::Tensor attended = nn::attention({.query = query(parts[0], rope),
                                             .key = key(parts[1], rope),
                                             .value = parts[2],
                                             .heads = heads});
  const at::Tensor middle = norm(to_out(attended), 1, x);
  return norm(feed_forward(norm(middle, 2)), 3, middle);
}

ZImageTransformer::ZImageTransformer(const ZImageConfig& config, const weights::WeightScope& scope)
    : config_(config),
      dtype_(scope.dtype()),
      device_(scope.device()),
      image_embedder_(scope / "all_x_embedder" / "2-1",
                      kZImagePatch * kZImagePatch * config.latent_channels, config.features),
      image_pad_(scope.tensor("x_pad_token", {1, config.features})),
      caption_pad_(scope.tensor("cap_pad_token", {1, config.features})),
      caption_norm_(scope / "cap_embedder" / 0, config.text_features, config.norm_eps),
      caption_embedder_(scope / "cap_embedder" / 1, config.text_features, config.features),
      time_1_(scope / "t_embedder" / "mlp" / 0, kTimeSinusoids, kTimeInner,
              {.activation = nn::Activation::silu}),
      time_2_(scope / "t_embedder" / "mlp" / 2, kTimeInner, config.time_features()),
      modulation_(build_blocks(scope)),
      final_scale_(scope / "all_final_layer" / "2-1" / "adaLN_modulation" / 1,
                   config.time_features(), config.features),
      final_linear_(scope / "all_final_layer" / "2-1" / "linear", config.features,
                    kZImagePatch * kZImagePatch * config.latent_channels) {
  for (std::size_t axis = 0; axis < axes_.size(); ++axis)
    axes_[axis] = axis_table(config, axis, device_);
  std::vector<at::Tensor> norms;
  for (const std::vector<Block>* blocks : {&image_refiner_, &layers_})
    for (const Block& block : *blocks) norms.push_back(block.norms);
  norms_ = at::stack(norms);
}

// Makes all blocks; gives the joined modulation of those that have one.
nn::Linear ZImageTransformer::build_blocks(const weights::WeightScope& scope) {
  nn::LinearStack modulations(config_.time_features());
  for (std::int64_t i = 0; i < config_.refiner_layers; ++i) {
    caption_refiner_.emplace_back(config_, scope / "context_refiner" / i);
    image_refiner_.emplace_back(config_, scope / "noise_refiner" / i);
    modulations.add(scope / "noise_refiner" / i / "adaLN_modulation" / 0,
                    kParts * config_.features);
  }
  for (std::int64_t i = 0; i < config_.layers; ++i) {
    layers_.emplace_back(config_, scope / "layers" / i);
    modulations.add(scope / "layers" / i / "adaLN_modulation" / 0, kParts * config_.features);
  }
  return modulations.join();
}

// Of S tokens by their positions on each axis, all [S] int64.
nn::RopeTable ZImageTransformer::positions(
    const std::array<at::Tensor, kZImageAxes>& positions) const {
  std::vector<at::Tensor> cosines;
  std::vector<at::Tensor> sines;
  for (std::size_t axis = 0; axis < axes_.size(); ++axis) {
    cosines.push_back(axes_[axis].cosine.index_select(0, positions[axis]));
    sines.push_back(axes_[axis].sine.index_select(0, positions[axis]));
  }
  return {at::cat(cosines, 1), at::cat(sines, 1)};
}

// The caption's tokens follow one another from 1 on, padding too.
nn::RopeTable ZImageTransformer::caption_rope(std::int64_t tokens) const {
  const at::TensorOptions whole = at::TensorOptions(device_).dtype(at::kLong);
  const at::Tensor none = at::zeros({tokens}, whole);
  return positions({at::arange(1, tokens + 1, whole), none, none});
}

// The image's tokens stand behind the caption, in rows and columns; its padding at zero.
nn::RopeTable ZImageTransformer::image_rope(std::int64_t caption, std::int64_t rows,
                                            std::int64_t columns) const {
  const at::TensorOptions whole = at::TensorOptions(device_).dtype(at::kLong);
  const at::Tensor token = at::arange(rows * columns, whole);
  const at::Tensor padding = at::zeros({z_image_padded(rows * columns) - rows * columns}, whole);
  return positions({at::cat({at::zeros_like(token) + (caption + 1), padding}),
                    at::cat({token.floor_divide(columns), padding}),
                    at::cat({token.remainder(columns), padding})});
}

at::Tensor ZImageTransformer::prepare(const at::Tensor& features) const {
  CHECK(features.dim() == 2 && features.size(1) == config_.text_features);
  const at::Tensor embedded = caption_embedder_(caption_norm_(features.unsqueeze(0)));
  at::Tensor x = padded(embedded, caption_pad_);
  CHECK(x.size(1) + 1 < config_.axis_positions[0]);
  const nn::RopeTable rope = caption_rope(x.size(1));
  for (const Block& block : caption_refiner_) x = block(x, block.norms.unsqueeze(0), rope);
  return x;
}

// times [B] -> [B, time_features]
at::Tensor ZImageTransformer::time(const at::Tensor& times) const {
  const at::Tensor sinusoids =
      nn::timestep_sinusoids(times * config_.time_scale, {.features = kTimeSinusoids});
  return time_2_(time_1_(sinusoids.to(dtype_)));
}

// time [B, time_features] -> [B, blocks, 4, features] fp32
at::Tensor ZImageTransformer::factors(const at::Tensor& time) const {
  const at::Tensor raw =
      modulation_(time).to(at::kFloat).view({time.size(0), -1, kParts / 2, 2, config_.features});
  const at::Tensor scales = raw.select(3, 0) + 1;
  const at::Tensor gates = at::tanh(raw.select(3, 1));
  return at::stack({scales, gates}, 3).flatten(2, 3) * norms_;
}

// latents [B, C, h, w] -> [B, tokens, features]; the channel is the fastest index of a token
at::Tensor ZImageTransformer::embed(const at::Tensor& latents) const {
  const at::Tensor patches =
      latents.to(dtype_).unflatten(3, {-1, kZImagePatch}).unflatten(2, {-1, kZImagePatch});
  return image_embedder_(patches.permute({0, 2, 4, 3, 5, 1}).flatten(3).flatten(1, 2));
}

// x [B, tokens, features] -> [B, tokens, 4 C]
at::Tensor ZImageTransformer::final_layer(const at::Tensor& x, const at::Tensor& time) const {
  const at::Tensor scale = final_scale_(at::silu(time)) + 1;
  const at::Tensor normed = at::layer_norm(x, {config_.features}, {}, {}, kFinalNormEps);
  return final_linear_(normed * scale.unsqueeze(1));
}

at::Tensor ZImageTransformer::operator()(const Input& input) const {
  const at::Tensor& latents = input.latents;
  const std::int64_t rows = latents.size(2) / kZImagePatch;
  const std::int64_t columns = latents.size(3) / kZImagePatch;
  CHECK(latents.size(2) % kZImagePatch == 0 && latents.size(3) % kZImagePatch == 0);
  CHECK(rows <= config_.axis_positions[1] && columns <= config_.axis_positions[2]);
  const at::Tensor now = time(input.times);
  const at::Tensor scaled = factors(now);
  const std::int64_t caption = input.captions.size(1);
  const nn::RopeTable image = image_rope(caption, rows, columns);
  at::Tensor x = padded(embed(latents), image_pad_);
  std::int64_t done = 0;
  for (const Block& block : image_refiner_) x = block(x, scaled.select(1, done++), image);
  x = at::cat({x, input.captions}, 1);
  const nn::RopeTable all = nn::join(image, caption_rope(caption));
  for (const Block& block : layers_) x = block(x, scaled.select(1, done++), all);
  const at::Tensor out = final_layer(x.narrow(1, 0, rows * columns), now);
  return out.view({out.size(0), rows, columns, kZImagePatch, kZImagePatch, -1})
      .permute({0, 5, 1, 3, 2, 4})
      .reshape(latents.sizes());
}

}  // namespace bafa::model
