#include "model/qwen3.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/reciprocal.h>

#include <string_view>

#include "base/check.h"
#include "nn/attention.h"
#include "nn/linear_stack.h"

namespace bafa::model {
namespace {

constexpr IntegerLimits kFeatures{.min = 1, .max = 1 << 16};

// transformers 5 writes rope_parameters, transformers 4 rope_theta and rope_scaling.
double rope_theta(ComponentConfig& config) {
  double theta = config.number("rope_theta", 10000);
  config.expect("rope_scaling", nullptr);
  if (const Json* json = config.any("rope_parameters"); json != nullptr && !json->is_null()) {
    ComponentConfig rope(*json, config.source() + ": rope_parameters");
    rope.expect("rope_type", "default");
    theta = rope.number("rope_theta", theta);
    rope.finish();
  }
  if (theta <= 0) config.refuse_invalid("rope_theta", "must be above 0");
  return theta;
}

void expect_full_attention(ComponentConfig& config) {
  config.expect("use_sliding_window", false);
  for (const std::string& type : config.strings("layer_types", {}))
    if (type != "full_attention")
      config.refuse("layer_types", "has " + type + "; bafa knows only full_attention");
  config.ignore({"sliding_window", "max_window_layers"});  // of sliding attention
}

nn::Linear query_key_value(const Qwen3Config& config, const weights::WeightScope& scope) {
  nn::LinearStack stack(config.features, {.bias = false});
  stack.add(scope / "q_proj", config.heads * config.head_dim);
  for (const char* name : {"k_proj", "v_proj"})
    stack.add(scope / name, config.key_heads * config.head_dim);
  return stack.join();
}

// x [B, S, key_heads, head_dim] -> [B, S, heads * head_dim], each head as often as it serves
at::Tensor repeat_heads(const at::Tensor& x, std::int64_t heads) {
  const std::int64_t times = heads / x.size(2);
  return x.unsqueeze(3)
      .expand({x.size(0), x.size(1), x.size(2), times, x.size(3)})
      .reshape({x.size(0), x.size(1), heads * x.size(3)});
}

}  // namespace

Qwen3Config parse_qwen3_config(ComponentConfig& config) {
  Qwen3Config parsed;
  parsed.vocabulary_size = config.integer("vocab_size", 151936, {4, 1 << 24});
  parsed.features = config.integer("hidden_size", 4096, kFeatures);
  parsed.feed_forward_features = config.integer("intermediate_size", 22016, kFeatures);
  parsed.layers = config.integer("num_hidden_layers", 32, {1, 256});
  parsed.heads = config.integer("num_attention_heads", 32, {1, 1024});
  const bool null_means_all = config.all().contains("num_key_value_heads");
  parsed.key_heads =
      config.integer("num_key_value_heads", null_means_all ? parsed.heads : 32, {1, 1024});
  if (parsed.heads % parsed.key_heads != 0)
    config.refuse_invalid("num_key_value_heads", "does not divide num_attention_heads");
  parsed.head_dim = config.integer("head_dim", 128, {2, 1024});
  if (parsed.head_dim % 2 != 0) config.refuse_invalid("head_dim", "is odd");
  parsed.positions = config.integer("max_position_embeddings", 32768, {1, std::int64_t{1} << 32});
  parsed.norm_eps = config.number("rms_norm_eps", 1e-6);
  if (parsed.norm_eps <= 0) config.refuse_invalid("rms_norm_eps", "must be above 0");
  parsed.rope_theta = rope_theta(config);
  expect_full_attention(config);
  config.expect("hidden_act", "silu");
  config.expect("attention_bias", false);
  config.expect("model_type", "qwen3");
  // Training, writing text and bookkeeping; the tokenizer brings its own special ids.
  config.ignore({"architectures", "attention_dropout", "bos_token_id", "dtype", "eos_token_id",
                 "initializer_range", "pad_token_id", "tie_word_embeddings", "torch_dtype",
                 "transformers_version", "use_cache"});
  config.finish();
  return parsed;
}

std::vector<std::string> qwen3_unused(const Qwen3Config& config) {
  return {"layers." + std::to_string(config.layers - 1) + ".*", "norm.weight", "lm_head.weight",
          "rotary_emb.inv_freq"};
}

std::string qwen3_name(const std::string& name) {
  constexpr std::string_view kPrefix = "model.";
  return name.starts_with(kPrefix) ? name.substr(kPrefix.size()) : name;
}

Qwen3::Layer::Layer(const Qwen3Config& config, const weights::WeightScope& scope)
    : attention_norm(scope / "input_layernorm", config.features, config.norm_eps),
      to_qkv(query_key_value(config, scope / "self_attn")),
      query_norm(scope / "self_attn" / "q_norm", config.head_dim, config.norm_eps),
      key_norm(scope / "self_attn" / "k_norm", config.head_dim, config.norm_eps),
      to_out(scope / "self_attn" / "o_proj", config.heads * config.head_dim, config.features,
             {.bias = false}),
      feed_forward_norm(scope / "post_attention_layernorm", config.features, config.norm_eps),
      feed_forward(scope / "mlp", {.channels = config.features,
                                   .features = config.feed_forward_features,
                                   .gate = "gate_proj",
                                   .value = "up_proj",
                                   .out = "down_proj"}) {}

// x [B, S, features], normed -> [B, S, heads * head_dim]
at::Tensor Qwen3::Layer::attend(const at::Tensor& x, const nn::RopeTable& rope,
                                const Qwen3Config& config) const {
  const at::Tensor heads = to_qkv(x).unflatten(-1, {-1, config.head_dim});
  const std::vector<at::Tensor> parts =
      heads.split_with_sizes({config.heads, config.key_heads, config.key_heads}, 2);
  const at::Tensor key = nn::rotate(key_norm(parts[1]), rope);
  return nn::attention({.query = nn::rotate(query_norm(parts[0]), rope).flatten(2),
                        .key = repeat_heads(key, config.heads),
                        .value = repeat_heads(parts[2], config.heads),
                        .heads = config.heads,
                        .causal = true});
}

at::Tensor Qwen3::Layer::operator()(const at::Tensor& x, const nn::RopeTable& rope,
                                    const Qwen3Config& config) const {
  const at::Tensor middle = to_out(attend(attention_norm(x), rope, config), x);
  return feed_forward(feed_forward_norm(middle), middle);
}

Qwen3::Qwen3(const Qwen3Config& config, const weights::WeightScope& scope)
    : config_(config), words_(scope / "embed_tokens", config.vocabulary_size, config.features) {
  for (std::int64_t i = 0; i + 1 < config.layers; ++i)
    layers_.emplace_back(config, scope / "layers" / i);
}

// Angles in fp32, their sines rounded to the run dtype, as the reference does.
nn::RopeTable Qwen3::rope(std::int64_t tokens, const at::TensorOptions& options) const {
  const at::TensorOptions wide = options.dtype(at::kFloat);
  const double head_dim = static_cast<double>(config_.head_dim);
  const at::Tensor exponent = at::arange(0, config_.head_dim, 2, wide) / head_dim;
  const at::Tensor inverse = at::reciprocal(at::pow(config_.rope_theta, exponent));
  const at::Tensor angle = at::arange(tokens, wide).unsqueeze(1) * inverse;
  return {angle.cos().to(options), angle.sin().to(options)};
}

at::Tensor Qwen3::operator()(const at::Tensor& ids) const {
  CHECK(ids.dim() == 2 && ids.size(1) <= config_.positions);
  at::Tensor x = words_(ids);
  const nn::RopeTable table = rope(ids.size(1), x.options());
  for (const Layer& layer : layers_) x = layer(x, table, config_);
  return x;
}

}  // namespace bafa::model
