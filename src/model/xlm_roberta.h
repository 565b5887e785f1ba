// RobertaSeriesModelWithTransformation: the XLM-RoBERTa encoder of AltDiffusion with the linear
// head that gives the U-Net its text. Immutable once built; called by the device thread in
// inference mode. Source: transformers models/xlm_roberta, diffusers
// pipelines/deprecated/alt_diffusion.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/component_config.h"
#include "nn/activation.h"
#include "nn/embedding.h"
#include "nn/linear.h"
#include "nn/norm.h"
#include "weights/weight_map.h"

namespace bafa::model {

struct XlmRobertaConfig {
  std::int64_t vocabulary_size = 30522;
  std::int64_t features = 768;  // hidden_size
  std::int64_t layers = 12;
  std::int64_t heads = 12;
  std::int64_t feed_forward_features = 3072;
  nn::Activation activation = nn::Activation::gelu;
  std::int64_t positions = 512;  // rows of the position table
  std::int64_t token_types = 2;
  std::int64_t pad_id = 1;
  double norm_eps = 1e-12;
  std::int64_t text_features = 512;     // project_dim: width of the output
  bool has_pre_transformation = false;  // the head reads the layer before the last
  bool use_attention_mask = true;

  // Tokens that the position table has room for: positions begin after the pad's.
  std::int64_t max_tokens() const { return positions - pad_id - 1; }
};

// Throws Error{unsupported_model} naming the key of a feature that bafa lacks, Error{invalid_model}
// for values that cannot be.
XlmRobertaConfig parse_xlm_roberta_config(ComponentConfig& config);

// The names of a checkpoint's tensors that encoding does not need, for WeightOptions::ignored.
std::vector<std::string> xlm_roberta_unused(const XlmRobertaConfig& config);

class XlmRoberta {
 public:
  XlmRoberta(const XlmRobertaConfig& config, const weights::WeightScope& scope);

  const XlmRobertaConfig& config() const { return config_; }

  // ids [B, S] int64, each below the vocabulary's size, S <= max_tokens(); mask [B, S] bool, true
  // for tokens and false for padding, with at least one true in a row -> [B, S, text_features]
  at::Tensor operator()(const at::Tensor& ids, const at::Tensor& mask) const;

 private:
  struct Layer {
    Layer(const XlmRobertaConfig& config, const weights::WeightScope& scope);
    at::Tensor operator()(const at::Tensor& x, const at::Tensor& mask) const;

    std::int64_t heads;
    nn::Linear to_qkv;
    nn::Linear to_out;
    nn::LayerNorm attention_norm;
    nn::Linear expand;
    nn::Linear contract;
    nn::LayerNorm output_norm;
  };

  at::Tensor embed(const at::Tensor& ids) const;

  XlmRobertaConfig config_;
  nn::Embedding words_;
  nn::Embedding positions_;
  weights::Weight token_type_;  // [features], of type 0: there is only one sentence
  nn::LayerNorm embedding_norm_;
  std::vector<Layer> layers_;
  std::optional<nn::LayerNorm> pre_norm_;
  nn::Linear transformation_;
};

}  // namespace bafa::model
