// A picture with smooth fields and hard edges, for encoders: the same bytes on every machine.
#pragma once

#include "bafa/image.h"

namespace bafa::test {

inline Image drawn_image(int width, int height) {
  Image image{.width = width, .height = height};
  image.rgb.reserve(image.row_bytes() * static_cast<std::size_t>(height));
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const bool disc = (x - width / 2) * (x - width / 2) + (y - height / 2) * (y - height / 2) <
                        width * height / 12;
      image.rgb.push_back(static_cast<std::uint8_t>(disc ? 200 : x * 255 / width));
      image.rgb.push_back(static_cast<std::uint8_t>(disc ? 30 : y * 255 / height));
      image.rgb.push_back(static_cast<std::uint8_t>(disc ? 40 + y % 16 : 128));
    }
  }
  return image;
}

}  // namespace bafa::test
