// Image files read by libraries other than those that wrote them.
#pragma once

#include <string_view>

#include "bafa/image.h"

namespace bafa::test {

// Each throws std::runtime_error when the library refuses the file.
Image decode_png(std::string_view file);   // libpng
Image decode_jpeg(std::string_view file);  // libjpeg-turbo
Image decode_webp(std::string_view file);  // libwebp

// Peak signal to noise ratio of two pictures of one size, in dB; infinite when they are equal.
double psnr(const Image& a, const Image& b);

}  // namespace bafa::test
