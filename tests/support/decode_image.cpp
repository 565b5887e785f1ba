#include "support/decode_image.h"

#include <png.h>
#include <webp/decode.h>

#include <cmath>
#include <cstdio>
#include <limits>
#include <stdexcept>

#include <jpeglib.h>  // needs <cstdio> before it

namespace bafa::test {

Image decode_png(std::string_view file) {
  png_image header{};
  header.version = PNG_IMAGE_VERSION;
  if (png_image_begin_read_from_memory(&header, file.data(), file.size()) == 0) {
    throw std::runtime_error(header.message);
  }
  header.format = PNG_FORMAT_RGB;
  Image image{.width = static_cast<int>(header.width), .height = static_cast<int>(header.height)};
  image.rgb.resize(PNG_IMAGE_SIZE(header));
  if (png_image_finish_read(&header, nullptr, image.rgb.data(), 0, nullptr) == 0) {
    throw std::runtime_error(header.message);
  }
  return image;
}

Image decode_jpeg(std::string_view file) {
  jpeg_decompress_struct decoder{};
  jpeg_error_mgr errors{};
  decoder.err = jpeg_std_error(&errors);
  errors.error_exit = [](j_common_ptr) { throw std::runtime_error("libjpeg refuses the file"); };
  jpeg_create_decompress(&decoder);
  jpeg_mem_src(&decoder, reinterpret_cast<const unsigned char*>(file.data()), file.size());
  jpeg_read_header(&decoder, TRUE);
  jpeg_start_decompress(&decoder);
  Image image{.width = static_cast<int>(decoder.output_width),
              .height = static_cast<int>(decoder.output_height)};
  image.rgb.resize(image.row_bytes() * static_cast<std::size_t>(image.height));
  while (decoder.output_scanline < decoder.output_height) {
    JSAMPROW row = image.rgb.data() + decoder.output_scanline * image.row_bytes();
    jpeg_read_scanlines(&decoder, &row, 1);
  }
  jpeg_finish_decompress(&decoder);
  jpeg_destroy_decompress(&decoder);
  return image;
}

Image decode_webp(std::string_view file) {
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(file.data());
  Image image;
  if (WebPGetInfo(bytes, file.size(), &image.width, &image.height) == 0) {
    throw std::runtime_error("libwebp refuses the file");
  }
  image.rgb.resize(image.row_bytes() * static_cast<std::size_t>(image.height));
  if (WebPDecodeRGBInto(bytes, file.size(), image.rgb.data(), image.rgb.size(),
                        static_cast<int>(image.row_bytes())) == nullptr) {
    throw std::runtime_error("libwebp cannot decode the file");
  }
  return image;
}

double psnr(const Image& a, const Image& b) {
  if (a.rgb.size() != b.rgb.size()) throw std::runtime_error("pictures of two sizes");
  double squares = 0;
  for (std::size_t i = 0; i < a.rgb.size(); ++i) {
    const double difference = a.rgb[i] - b.rgb[i];
    squares += difference * difference;
  }
  if (squares == 0) return std::numeric_limits<double>::infinity();
  return 10 * std::log10(255.0 * 255.0 * static_cast<double>(a.rgb.size()) / squares);
}

}  // namespace bafa::test
