#include "model/xlm_roberta.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cumsum.h>
#include <ATen/ops/ne.h>

#include "base/check.h"
#include "nn/attention.h"
#include "nn/linear_stack.h"

namespace bafa::model {
namespace {

constexpr IntegerLimits kFeatures{.min = 1, .max = 1 << 14};

nn::Activation activation(const ComponentConfig& config, const std::string& name) {
  if (name == "gelu") return nn::Activation::gelu;
  if (name == "gelu_new" || name == "gelu_pytorch_tanh") return nn::Activation::gelu_tanh;
  if (name == "silu" || name == "swish") return nn::Activation::silu;
  config.refuse("hidden_act", "is " + name + ", which bafa does not have");
}

void refuse_other_shapes(ComponentConfig& config) {
  config.expect("position_embedding_type", "absolute");
  config.expect("is_decoder", false);
  config.expect("is_encoder_decoder", false);
  config.expect("add_cross_attention", false);
  config.expect("model_type", "xlm-roberta");
}

// Training, generation of text, bookkeeping.
void ignore_the_rest(ComponentConfig& config) {
  config.ignore({"architectures",
                 "attention_probs_dropout_prob",
                 "bos_token_id",
                 "chunk_size_feed_forward",
                 "classifier_dropout",
                 "directionality",
                 "dtype",
                 "eos_token_id",
                 "gradient_checkpointing",
                 "hidden_dropout_prob",
                 "id2label",
                 "initializer_factor",
                 "initializer_range",
                 "label2id",
                 "learn_encoder",
                 "output_attentions",
                 "output_hidden_states",
                 "output_past",
                 "pooler_fc_size",
                 "pooler_fn",
                 "pooler_num_attention_heads",
                 "pooler_num_fc_layers",
                 "pooler_size_per_head",
                 "pooler_type",
                 "return_dict",
                 "tie_word_embeddings",
                 "torch_dtype",
                 "transformers_version",
                 "use_cache"});
}

nn::Linear query_key_value(const weights::WeightScope& scope, std::int64_t features) {
  nn::LinearStack stack(features);
  for (const char* name : {"query", "key", "value"}) stack.add(scope / name, features);
  return stack.join();
}

// Layers whose output is used.
std::int64_t used_layers(const XlmRobertaConfig& config) {
  return config.has_pre_transformation ? config.layers - 1 : config.layers;
}

weights::Weight first_token_type(const weights::WeightScope& scope,
                                 const XlmRobertaConfig& config) {
  const at::Tensor all = scope.tensor("weight", {config.token_types, config.features});
  return scope.keep(all.select(0, 0).clone());
}

}  // namespace

XlmRobertaConfig parse_xlm_roberta_config(ComponentConfig& config) {
  XlmRobertaConfig parsed;
  parsed.vocabulary_size = config.integer("vocab_size", 30522, {4, 1 << 24});
  parsed.features = config.integer("hidden_size", 768, kFeatures);
  parsed.layers = config.integer("num_hidden_layers", 12, {1, 256});
  parsed.heads = config.integer("num_attention_heads", 12, {1, 1024});
  if (parsed.features % parsed.heads != 0)
    config.refuse_invalid("num_attention_heads", "does not divide hidden_size");
  parsed.feed_forward_features = config.integer("intermediate_size", 3072, {1, 1 << 16});
  parsed.activation = activation(config, config.string("hidden_act", "gelu"));
  parsed.positions = config.integer("max_position_embeddings", 512, {2, 1 << 16});
  parsed.token_types = config.integer("type_vocab_size", 2, {1, 1024});
  parsed.pad_id = config.integer("pad_token_id", 1, {0, parsed.positions - 2});
  parsed.norm_eps = config.number("layer_norm_eps", 1e-12);
  parsed.text_features = config.integer("project_dim", 512, kFeatures);
  parsed.has_pre_transformation = config.boolean("has_pre_transformation", false);
  parsed.use_attention_mask = config.boolean("use_attention_mask", true);
  refuse_other_shapes(config);
  ignore_the_rest(config);
  config.finish();
  return parsed;
}

std::vector<std::string> xlm_roberta_unused(const XlmRobertaConfig& config) {
  std::vector<std::string> names{"roberta.pooler.*", "*.position_ids", "logit_scale"};
  if (config.has_pre_transformation) {
    names.emplace_back("transformation.*");
    names.push_back("roberta.encoder.layer." + std::to_string(config.layers - 1) + ".*");
  } else {
    names.insert(names.end(), {"transformation_pre.*", "pre_LN.*"});
  }
  return names;
}

XlmRoberta::Layer::Layer(const XlmRobertaConfig& config, const weights::WeightScope& scope)
    : heads(config.heads),
      to_qkv(query_key_value(scope / "attention.self", config.features)),
      to_out(scope / "attention.output.dense", config.features, config.features),
      attention_norm(scope / "attention.output.LayerNorm", config.features, config.norm_eps),
      expand(scope / "intermediate.dense", config.features, config.feed_forward_features,
             {.activation = config.activation}),
      contract(scope / "output.dense", config.feed_forward_features, config.features),
      output_norm(scope / "output.LayerNorm", config.features, config.norm_eps) {}

// x [B, S, features]; the norms come after the sums.
at::Tensor XlmRoberta::Layer::operator()(const at::Tensor& x, const at::Tensor& mask) const {
  const std::vector<at::Tensor> parts = to_qkv(x).chunk(3, -1);
  const at::Tensor attended = nn::attention(
      {.query = parts[0], .key = parts[1], .value = parts[2], .key_mask = mask, .heads = heads});
  const at::Tensor middle = attention_norm(to_out(attended, x));
  return output_norm(contract(expand(middle), middle));
}

XlmRoberta::XlmRoberta(const XlmRobertaConfig& config, const weights::WeightScope& scope)
    : config_(config),
      words_(scope / "roberta.embeddings.word_embeddings", config.vocabulary_size, config.features),
      positions_(scope / "roberta.embeddings.position_embeddings", config.positions,
                 config.features),
      token_type_(first_token_type(scope / "roberta.embeddings.token_type_embeddings", config)),
      embedding_norm_(scope / "roberta.embeddings.LayerNorm", config.features, config.norm_eps),
      transformation_(
          scope / (config.has_pre_transformation ? "transformation_pre" : "transformation"),
          config.features, config.text_features) {
  for (std::int64_t i = 0; i < used_layers(config); ++i)
    layers_.emplace_back(config, scope / "roberta.encoder.layer" / i);
  if (config.has_pre_transformation)
    pre_norm_.emplace(scope / "pre_LN", config.features, config.norm_eps);
}

// Tokens are numbered from pad_id + 1 on, padding has the pad's own position.
at::Tensor XlmRoberta::embed(const at::Tensor& ids) const {
  const at::Tensor real = at::ne(ids, config_.pad_id).to(at::kLong);
  const at::Tensor positions = at::cumsum(real, 1) * real + config_.pad_id;
  return embedding_norm_(words_(ids) + token_type_.get() + positions_(positions));
}

at::Tensor XlmRoberta::operator()(const at::Tensor& ids, const at::Tensor& mask) const {
  CHECK(ids.dim() == 2 && ids.size(1) <= config_.max_tokens() && mask.sizes() == ids.sizes());
  const at::Tensor attended = config_.use_attention_mask ? mask : at::Tensor();
  at::Tensor x = embed(ids);
  for (const Layer& layer : layers_) x = layer(x, attended);
  if (pre_norm_) x = (*pre_norm_)(x);
  return transformation_(x);
}

}  // namespace bafa::model
