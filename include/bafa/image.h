// A finished picture: what the decoder gives and the image room encodes. Plain value, owned by
// whoever holds it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace bafa {

struct Image {
  int width = 0;                  // pixels
  int height = 0;                 // pixels
  std::vector<std::uint8_t> rgb;  // [height][width][3], 8 bits a channel, no padding between rows

  std::size_t row_bytes() const { return static_cast<std::size_t>(width) * 3; }
};

}  // namespace bafa
