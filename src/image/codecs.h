// One function a format, for encode() alone: sizes and quality are checked there.
// Each throws Error{out_of_memory} when its library got no memory.
#pragma once

#include <string>

#include "bafa/image.h"

namespace bafa::image {

std::string encode_png(const Image& image);
std::string encode_jpeg(const Image& image, int quality);  // baseline; 4:2:0 up to quality 90
std::string encode_webp(const Image& image, int quality);  // lossy

}  // namespace bafa::image
