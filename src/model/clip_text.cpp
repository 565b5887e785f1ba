#include "model/clip_text.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/eq.h>
#include <ATen/ops/index.h>

#include <string_view>

#include "base/check.h"
#include "nn/attention.h"
#include "nn/linear_stack.h"

namespace bafa::model {
namespace {

constexpr IntegerLimits kFeatures{.min = 1, .max = 1 << 14};
constexpr std::int64_t kLegacyEosId = 2;

nn::Activation activation(const ComponentConfig& config, const std::string& name) {
  if (name == "quick_gelu") return nn::Activation::quick_gelu;
  if (name == "gelu") return nn::Activation::gelu;
  if (name == "gelu_new" || name == "gelu_pytorch_tanh") return nn::Activation::gelu_tanh;
  config.refuse("hidden_act", "is " + name + ", which bafa does not have");
}

nn::Linear query_key_value(const weights::WeightScope& scope, std::int64_t features) {
  nn::LinearStack stack(features);
  for (const char* name : {"q_proj", "k_proj", "v_proj"}) stack.add(scope / name, features);
  return stack.join();
}

}  // namespace

ClipTextConfig parse_clip_text_config(ComponentConfig& config, ClipTextHead head) {
  ClipTextConfig parsed;
  parsed.vocabulary_size = config.integer("vocab_size", 49408, {4, 1 << 24});
  parsed.features = config.integer("hidden_size", 512, kFeatures);
  parsed.layers = config.integer("num_hidden_layers", 12, {1, 256});
  parsed.heads = config.integer("num_attention_heads", 8, {1, 1024});
  if (parsed.features % parsed.heads != 0)
    config.refuse_invalid("num_attention_heads", "does not divide hidden_size");
  parsed.feed_forward_features = config.integer("intermediate_size", 2048, {1, 1 << 16});
  parsed.activation = activation(config, config.string("hidden_act", "quick_gelu"));
  parsed.positions = config.integer("max_position_embeddings", 77, {2, 1 << 16});
  parsed.norm_eps = config.number("layer_norm_eps", 1e-5);
  if (parsed.norm_eps <= 0) config.refuse_invalid("layer_norm_eps", "must be above 0");
  parsed.eos_id = config.integer("eos_token_id", 49407, {0, 1 << 24});
  const std::int64_t projected = config.integer("projection_dim", 512, kFeatures);
  if (head == ClipTextHead::projection) parsed.projected_features = projected;
  config.expect("use_attention_mask", false);
  config.expect("model_type", "clip_text_model");
  // Training and bookkeeping; the tokenizer brings its own special ids.
  config.ignore({"architectures", "attention_dropout", "bos_token_id", "dropout", "dtype",
                 "initializer_factor", "initializer_range", "pad_token_id", "torch_dtype",
                 "transformers_version"});
  config.finish();
  return parsed;
}

std::vector<std::string> clip_text_unused(const ClipTextConfig& config) {
  std::vector<std::string> names{"embeddings.position_ids", "logit_scale"};
  if (config.projected_features == 0) names.emplace_back("text_projection.weight");
  return names;
}

std::string clip_text_name(const std::string& name) {
  constexpr std::string_view kPrefix = "text_model.";
  return name.starts_with(kPrefix) ? name.substr(kPrefix.size()) : name;
}

ClipText::Layer::Layer(const ClipTextConfig& config, const weights::WeightScope& scope)
    : heads(config.heads),
      attention_norm(scope / "layer_norm1", config.features, config.norm_eps),
      to_qkv(query_key_value(scope / "self_attn", config.features)),
      to_out(scope / "self_attn.out_proj", config.features, config.features),
      feed_forward_norm(scope / "layer_norm2", config.features, config.norm_eps),
      expand(scope / "mlp.fc1", config.features, config.feed_forward_features,
             {.activation = config.activation}),
      contract(scope / "mlp.fc2", config.feed_forward_features, config.features) {}

// x [B, S, features]; the norms come before, the sums after.
at::Tensor ClipText::Layer::operator()(const at::Tensor& x) const {
  const std::vector<at::Tensor> parts = to_qkv(attention_norm(x)).chunk(3, -1);
  const at::Tensor attended = nn::attention(
      {.query = parts[0], .key = parts[1], .value = parts[2], .heads = heads, .causal = true});
  const at::Tensor middle = to_out(attended, x);
  return contract(expand(feed_forward_norm(middle)), middle);
}

ClipText::ClipText(const ClipTextConfig& config, const weights::WeightScope& scope)
    : config_(config),
      words_(scope / "embeddings.token_embedding", config.vocabulary_size, config.features),
      positions_((scope / "embeddings.position_embedding")
                     .weight("weight", {config.positions, config.features})),
      final_norm_(scope / "final_layer_norm", config.features, config.norm_eps) {
  for (std::int64_t i = 0; i < config.layers; ++i)
    layers_.emplace_back(config, scope / "encoder.layers" / i);
  if (config.projected_features > 0)
    projection_.emplace(scope / "text_projection", config.features, config.projected_features,
                        nn::LinearOptions{.bias = false});
}

// hidden [B, S, features], normed -> [B, projected_features]
at::Tensor ClipText::pool(const at::Tensor& hidden, const at::Tensor& ids) const {
  const at::Tensor ends = config_.eos_id == kLegacyEosId
                              ? ids.argmax(1)
                              : at::eq(ids, config_.eos_id).to(at::kInt).argmax(1);
  const at::Tensor images = at::arange(ids.size(0), ids.options());
  return (*projection_)(at::index(hidden, {images, ends}));
}

ClipText::Output ClipText::operator()(const Input& input) const {
  const at::Tensor& ids = input.ids;
  CHECK(ids.dim() == 2 && ids.size(1) <= config_.positions);
  CHECK(input.skipped_layers >= 0 && input.skipped_layers < config_.layers);
  const auto used = static_cast<std::size_t>(config_.layers - input.skipped_layers);
  at::Tensor x = words_(ids) + positions_.get().narrow(0, 0, ids.size(1));
  for (std::size_t i = 0; i < used; ++i) x = layers_[i](x);
  Output output{.hidden = input.final_norm ? final_norm_(x) : x, .pooled = {}};
  if (!projection_) return output;
  for (std::size_t i = used; i < layers_.size(); ++i) x = layers_[i](x);
  output.pooled = pool(final_norm_(x), ids);
  return output;
}

}  // namespace bafa::model
