// Z-Image's denoiser, a transformer over one sequence of the image's tokens and the caption's:
// ZImageTransformer2DModel. Immutable once built; called by the device thread in inference mode.
// Source: diffusers models/transformers/transformer_z_image.py.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <vector>

#include "model/z_image_config.h"
#include "nn/feed_forward.h"
#include "nn/linear.h"
#include "nn/norm.h"
#include "nn/rope.h"
#include "weights/weight_map.h"

namespace bafa::model {

class ZImageTransformer {
 public:
  ZImageTransformer(const ZImageConfig& config, const weights::WeightScope& scope);

  const ZImageConfig& config() const { return config_; }

  // What a caption gives that neither time nor image changes, once for all steps.
  // features [L, text_features] -> [1, L padded, features]. 1 + L padded must be below the
  // positions of the first axis.
  at::Tensor prepare(const at::Tensor& features) const;

  struct Input {
    at::Tensor latents;   // [B, C, h, w]; h and w even, half of them within the axes' positions
    at::Tensor times;     // [B] fp32: 0 is noise, 1 clean
    at::Tensor captions;  // [B, L padded, features], of prepare(); of equal length
  };

  // -> [B, C, h, w] run dtype: the direction from noise to picture
  at::Tensor operator()(const Input& input) const;

 private:
  // Attention and feed-forward, each between two norms. A block's norms have no weights of their
  // own while it runs: `factors` [B or 1, 4, features] fp32 are weights times the scales or gates
  // of a time.
  struct Block {
    Block(const ZImageConfig& config, const weights::WeightScope& scope);
    at::Tensor operator()(const at::Tensor& x, const at::Tensor& factors,
                          const nn::RopeTable& rope) const;

    std::int64_t heads;
    double eps;
    at::Tensor norms;  // [4, features] fp32: before and after the attention, the feed-forward
    nn::Linear to_qkv;
    nn::NormRotate query;
    nn::NormRotate key;
    nn::Linear to_out;
    nn::SiluFeedForward feed_forward;
  };

  nn::Linear build_blocks(const weights::WeightScope& scope);
  nn::RopeTable positions(const std::array<at::Tensor, kZImageAxes>& positions) const;
  nn::RopeTable caption_rope(std::int64_t tokens) const;
  nn::RopeTable image_rope(std::int64_t caption, std::int64_t rows, std::int64_t columns) const;
  at::Tensor time(const at::Tensor& times) const;
  at::Tensor factors(const at::Tensor& time) const;
  at::Tensor embed(const at::Tensor& latents) const;
  at::Tensor final_layer(const at::Tensor& x, const at::Tensor& time) const;

  ZImageConfig config_;
  at::ScalarType dtype_;
  at::Device device_;
  std::array<nn::RopeTable, kZImageAxes> axes_;  // every position of each axis
  nn::Linear image_embedder_;
  at::Tensor image_pad_;    // [1, features]
  at::Tensor caption_pad_;  // [1, features]
  nn::RmsNorm caption_norm_;
  nn::Linear caption_embedder_;
  nn::Linear time_1_;
  nn::Linear time_2_;
  std::vector<Block> caption_refiner_;
  std::vector<Block> image_refiner_;
  std::vector<Block> layers_;
  nn::Linear modulation_;  // of all modulated blocks: the image's refiner, then the layers
  at::Tensor norms_;       // their norms [blocks, 4, features]
  nn::Linear final_scale_;
  nn::Linear final_linear_;
};

}  // namespace bafa::model
