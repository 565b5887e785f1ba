// Decoding picture by picture and tile by tile, so that a decoder's activations do not grow with
// the batch and the picture. Stateless; called by the device thread in inference mode.
// Source: diffusers models/autoencoders/{autoencoder_kl,autoencoder_tiny}.py (tiled_decode).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "model/decode_options.h"

namespace bafa::model {

// How tiles that overlap are put together, as each autoencoder of the reference does it.
enum class Blending {
  with_neighbours,  // fades from the tile above, then from the one at the left, both as they are
  over_canvas       // fades from whatever earlier tiles left there, in fp32
};

struct Tiling {
  Blending blending = Blending::with_neighbours;
  std::int64_t overlap_divisor = 4;  // tiles share this part of a side, rounded down
  std::int64_t scale = 8;            // pixels along a side of a latent
};

// latents [B, C, h, w] -> pictures [B, 3, h * scale, w * scale]
using Decode = std::function<at::Tensor(const at::Tensor& latents)>;

// decode(latents), in parts where the options say so. Each part is [1 or B, C, <= tile, <= tile].
at::Tensor decode_in_parts(const at::Tensor& latents, const DecodeOptions& options,
                           const Tiling& tiling, const Decode& decode);

}  // namespace bafa::model
