// Qwen3's layers as a text encoder: what comes out of the last layer but one, as Z-Image takes it.
// Causal, so that padding behind a text changes nothing before it and is not run. Immutable once
// built; called by the device thread in inference mode. Source: transformers
// models/qwen3/modeling_qwen3.py.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/component_config.h"
#include "nn/embedding.h"
#include "nn/feed_forward.h"
#include "nn/linear.h"
#include "nn/norm.h"
#include "nn/rope.h"
#include "weights/weight_map.h"

namespace bafa::model {

struct Qwen3Config {
  std::int64_t vocabulary_size = 151936;
  std::int64_t features = 4096;  // hidden_size
  std::int64_t feed_forward_features = 22016;
  std::int64_t layers = 32;  // of the checkpoint; one less is run
  std::int64_t heads = 32;
  std::int64_t key_heads = 32;  // each serves heads / key_heads queries
  std::int64_t head_dim = 128;
  std::int64_t positions = 32768;
  double norm_eps = 1e-6;
  double rope_theta = 10000;
};

// Throws Error{unsupported_model} naming the key of a feature that bafa lacks, Error{invalid_model}
// for values that cannot be.
Qwen3Config parse_qwen3_config(ComponentConfig& config);

// The names of a checkpoint's tensors that encoding does not need, for WeightOptions::ignored: the
// last layer, the final norm, and what turns features into words.
std::vector<std::string> qwen3_unused(const Qwen3Config& config);

// Files hold the names with or without "model." in front. For WeightOptions::rename.
std::string qwen3_name(const std::string& name);

class Qwen3 {
 public:
  Qwen3(const Qwen3Config& config, const weights::WeightScope& scope);

  const Qwen3Config& config() const { return config_; }

  // ids [B, S] int64, each below the vocabulary's size, without padding -> [B, S, features], the
  // reference's hidden_states[-2]
  at::Tensor operator()(const at::Tensor& ids) const;

 private:
  struct Layer {
    Layer(const Qwen3Config& config, const weights::WeightScope& scope);
    at::Tensor operator()(const at::Tensor& x, const nn::RopeTable& rope,
                          const Qwen3Config& config) const;
    at::Tensor attend(const at::Tensor& x, const nn::RopeTable& rope,
                      const Qwen3Config& config) const;

    nn::RmsNorm attention_norm;
    nn::Linear to_qkv;
    nn::RmsNorm query_norm;
    nn::RmsNorm key_norm;
    nn::Linear to_out;
    nn::RmsNorm feed_forward_norm;
    nn::SiluFeedForward feed_forward;
  };

  nn::RopeTable rope(std::int64_t tokens, const at::TensorOptions& options) const;

  Qwen3Config config_;
  nn::Embedding words_;
  std::vector<Layer> layers_;
};

}  // namespace bafa::model
