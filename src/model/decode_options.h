// What a decoder gives up for memory, decided anew for each call. Plain values.
#pragma once

#include <cstdint>

namespace bafa::model {

struct DecodeOptions {
  bool one_by_one = false;  // the batch's pictures in turn; the same numbers up to the kernels
  // Latents along a side of one tile, at least kSmallestTile; 0: the whole picture at once. A
  // picture that is no larger is not cut. Each tile is normalised by its own mean and deviation, so
  // smaller tiles give other numbers.
  std::int64_t tile = 0;
};

inline constexpr std::int64_t kSmallestTile = 8;

}  // namespace bafa::model
