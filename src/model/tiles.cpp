#include "model/tiles.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/check.h"

namespace bafa::model {
namespace {

constexpr std::int64_t kRows = 2;  // dimensions of [B, C, H, W]
constexpr std::int64_t kColumns = 3;

at::Tensor last(const at::Tensor& x, std::int64_t dim, std::int64_t count) {
  const std::int64_t taken = std::min(count, x.size(dim));
  return x.narrow(dim, x.size(dim) - taken, taken);
}

// 0, 1, ... count - 1 along the dimension, fp32.
at::Tensor ramp(std::int64_t count, std::int64_t dim, const at::Tensor& like) {
  std::array<std::int64_t, 4> shape{1, 1, 1, 1};
  shape[static_cast<std::size_t>(dim)] = count;
  return at::arange(count, like.options().dtype(at::kFloat)).view(shape);
}

at::Tensor empty_pictures(const at::Tensor& latents, const at::Tensor& part, std::int64_t scale) {
  return at::empty(
      {latents.size(0), part.size(1), latents.size(kRows) * scale, latents.size(kColumns) * scale},
      part.options());
}

// Cuts latents into tiles, row by row from the top left. Every tile begins one stride after the one
// before it and ends with the picture at the latest.
class Tiles {
 public:
  Tiles(const at::Tensor& latents, std::int64_t side, const Tiling& tiling)
      : latents_(latents), side_(side), overlap_(side / tiling.overlap_divisor), tiling_(tiling) {
    CHECK(side >= kSmallestTile && overlap_ > 0);
  }

  at::Tensor decode(const Decode& decode) const {
    return tiling_.blending == Blending::with_neighbours ? blended(decode) : painted_over(decode);
  }

 private:
  std::int64_t stride() const { return side_ - overlap_; }
  std::int64_t overlap_pixels() const { return overlap_ * tiling_.scale; }

  at::Tensor cut(std::int64_t y, std::int64_t x) const {
    return latents_.narrow(kRows, y, std::min(side_, latents_.size(kRows) - y))
        .narrow(kColumns, x, std::min(side_, latents_.size(kColumns) - x));
  }

  // The pixels of `pictures` that the tile at (y, x) of this size lies on.
  at::Tensor place(const at::Tensor& pictures, std::int64_t y, std::int64_t x,
                   const at::Tensor& tile) const {
    return pictures.narrow(kRows, y * tiling_.scale, tile.size(kRows))
        .narrow(kColumns, x * tiling_.scale, tile.size(kColumns));
  }

  // The first pixels of `tile` along the dimension fade from `before` into what they are.
  void fade(const at::Tensor& before, const at::Tensor& tile, std::int64_t dim) const {
    const std::int64_t count = std::min({before.size(dim), tile.size(dim), overlap_pixels()});
    const at::Tensor own = ramp(count, dim, tile) / count;
    const at::Tensor first = tile.narrow(dim, 0, count);
    first.copy_(last(before, dim, count) * (1 - own) + first * own);
  }

  at::Tensor blended(const Decode& decode) const;
  at::Tensor painted_over(const Decode& decode) const;

  const at::Tensor& latents_;
  std::int64_t side_;
  std::int64_t overlap_;
  const Tiling& tiling_;
};

// Of earlier tiles only the edges are kept that later ones fade from. They have been faded
// themselves, and reach to the tile's own end, which the picture does not show.
at::Tensor Tiles::blended(const Decode& decode) const {
  const std::int64_t shown = stride() * tiling_.scale;
  at::Tensor pictures;
  std::vector<at::Tensor> above;  // for each column of tiles
  for (std::int64_t y = 0; y < latents_.size(kRows); y += stride()) {
    at::Tensor left;
    std::size_t column = 0;
    for (std::int64_t x = 0; x < latents_.size(kColumns); x += stride(), ++column) {
      const at::Tensor tile = decode(cut(y, x));
      if (!pictures.defined()) pictures = empty_pictures(latents_, tile, tiling_.scale);
      if (y > 0) fade(above[column], tile, kRows);
      if (x > 0) fade(left, tile, kColumns);
      if (above.size() == column) above.emplace_back();
      above[column] = last(tile, kRows, overlap_pixels()).clone();
      left = last(tile, kColumns, overlap_pixels()).clone();
      const at::Tensor part = tile.narrow(kRows, 0, std::min(shown, tile.size(kRows)))
                                  .narrow(kColumns, 0, std::min(shown, tile.size(kColumns)));
      place(pictures, y, x, part).copy_(part);
    }
  }
  return pictures;
}

// A tile's weight rises from 0 at its upper and left edges, but for those of the picture, to 1 at
// the end of the overlap.
at::Tensor Tiles::painted_over(const Decode& decode) const {
  const auto weight = [&](const at::Tensor& tile, std::int64_t dim, std::int64_t begin) {
    const at::Tensor rising = ramp(tile.size(dim), dim, tile);
    if (begin == 0) return at::ones(rising.sizes(), rising.options());
    return (rising / (overlap_pixels() - 1)).clamp_max(1);
  };
  at::Tensor pictures;
  for (std::int64_t y = 0; y < latents_.size(kRows); y += stride()) {
    for (std::int64_t x = 0; x < latents_.size(kColumns); x += stride()) {
      const at::Tensor tile = decode(cut(y, x));
      if (!pictures.defined()) {
        pictures = empty_pictures(latents_, tile, tiling_.scale).to(at::kFloat).zero_();
      }
      const at::Tensor own = weight(tile, kRows, y) * weight(tile, kColumns, x);
      const at::Tensor under = place(pictures, y, x, tile);
      under.copy_(own * tile + (1 - own) * under);
    }
  }
  return pictures;
}

at::Tensor decode_in_tiles(const at::Tensor& latents, std::int64_t side, const Tiling& tiling,
                           const Decode& decode) {
  if (side == 0 || std::max(latents.size(kRows), latents.size(kColumns)) <= side)
    return decode(latents);
  return Tiles(latents, side, tiling).decode(decode);
}

}  // namespace

at::Tensor decode_in_parts(const at::Tensor& latents, const DecodeOptions& options,
                           const Tiling& tiling, const Decode& decode) {
  if (!options.one_by_one || latents.size(0) == 1)
    return decode_in_tiles(latents, options.tile, tiling, decode);
  at::Tensor pictures;
  for (std::int64_t i = 0; i < latents.size(0); ++i) {
    const at::Tensor picture =
        decode_in_tiles(latents.narrow(0, i, 1), options.tile, tiling, decode);
    if (!pictures.defined()) pictures = empty_pictures(latents, picture, tiling.scale);
    pictures.narrow(0, i, 1).copy_(picture);
  }
  return pictures;
}

}  // namespace bafa::model
