// CLIP's text encoder, alone or with its projection: CLIPTextModel, CLIPTextModelWithProjection.
// Causal, and blind to padding. Immutable once built; called by the device thread in inference
// mode. Source: transformers models/clip/modeling_clip.py.
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

enum class ClipTextHead {
  none,        // CLIPTextModel
  projection,  // CLIPTextModelWithProjection
};

struct ClipTextConfig {
  std::int64_t vocabulary_size = 49408;
  std::int64_t features = 512;  // hidden_size
  std::int64_t layers = 12;
  std::int64_t heads = 8;
  std::int64_t feed_forward_features = 2048;
  nn::Activation activation = nn::Activation::quick_gelu;
  std::int64_t positions = 77;  // tokens at most
  double norm_eps = 1e-5;
  std::int64_t eos_id = 49407;          // 2: old files' mistake, the highest id is meant
  std::int64_t projected_features = 0;  // 0: has no projection
};

// Throws Error{unsupported_model} naming the key of a feature that bafa lacks, Error{invalid_model}
// for values that cannot be.
ClipTextConfig parse_clip_text_config(ComponentConfig& config, ClipTextHead head);

// The names of a checkpoint's tensors that encoding does not need, for WeightOptions::ignored.
std::vector<std::string> clip_text_unused(const ClipTextConfig& config);

// Files hold the names with or without "text_model." in front. For WeightOptions::rename.
std::string clip_text_name(const std::string& name);

class ClipText {
 public:
  ClipText(const ClipTextConfig& config, const weights::WeightScope& scope);

  const ClipTextConfig& config() const { return config_; }

  struct Input {
    at::Tensor ids;                   // [B, S] int64, each below the vocabulary's size
    std::int64_t skipped_layers = 0;  // at the end, for `hidden`; below config().layers
    bool final_norm = true;           // of `hidden`
  };
  struct Output {
    at::Tensor hidden;  // [B, S, features]
    at::Tensor pooled;  // [B, projected_features] of the end of the text; undefined without one
  };

  // The reference's last_hidden_state is what the defaults give, its hidden_states[-1 - n] is n
  // skipped layers without the norm. `pooled` is of all layers and the norm, whatever is skipped.
  Output operator()(const Input& input) const;

 private:
  struct Layer {
    Layer(const ClipTextConfig& config, const weights::WeightScope& scope);
    at::Tensor operator()(const at::Tensor& x) const;

    std::int64_t heads;
    nn::LayerNorm attention_norm;
    nn::Linear to_qkv;
    nn::Linear to_out;
    nn::LayerNorm feed_forward_norm;
    nn::Linear expand;
    nn::Linear contract;
  };

  at::Tensor pool(const at::Tensor& hidden, const at::Tensor& ids) const;

  ClipTextConfig config_;
  nn::Embedding words_;
  weights::Weight positions_;  // [positions, features]
  std::vector<Layer> layers_;
  nn::LayerNorm final_norm_;
  std::optional<nn::Linear> projection_;
};

}  // namespace bafa::model
