// PNG and JPEG by stb_image_write, with libdeflate for PNG's compression and checksums.
#include <libdeflate.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "bafa/error.h"
#include "image/codecs.h"

namespace {

// libdeflate's fastest level: PNG is made once a picture, and level 6 takes three times as long to
// save a few percent.
constexpr int kDeflateLevel = 1;

unsigned char* deflate(unsigned char* data, int bytes, int* out_bytes, int /*level*/) {
  const std::unique_ptr<libdeflate_compressor, decltype(&libdeflate_free_compressor)> compressor(
      libdeflate_alloc_compressor(kDeflateLevel), &libdeflate_free_compressor);
  if (!compressor) return nullptr;
  const auto size = static_cast<std::size_t>(bytes);
  const std::size_t bound = libdeflate_zlib_compress_bound(compressor.get(), size);
  auto* const out = static_cast<unsigned char*>(std::malloc(bound));  // the library frees it
  if (out == nullptr) return nullptr;
  *out_bytes = static_cast<int>(libdeflate_zlib_compress(compressor.get(), data, size, out, bound));
  return out;
}

}  // namespace

#define STBIW_ZLIB_COMPRESS deflate
#define STBIW_CRC32(data, bytes) libdeflate_crc32(0, data, static_cast<std::size_t>(bytes))
#define STBI_WRITE_NO_STDIO
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb/stb_image_write.h>

namespace bafa::image {
namespace {

// The library would try all five filters on every row, four fifths of the time for two percent of
// the bytes. Its switch is a variable, set here before main.
constexpr int kUpFilter = 2;
[[maybe_unused]] const int kChosenFilter = stbi_write_force_png_filter = kUpFilter;

[[noreturn]] void out_of_memory(const Image& image) {
  throw Error(ErrorCode::out_of_memory, "no memory to encode a picture of " +
                                            std::to_string(image.width) + "x" +
                                            std::to_string(image.height) + " pixels");
}

void append(void* context, void* data, int bytes) {
  static_cast<std::string*>(context)->append(static_cast<const char*>(data),
                                             static_cast<std::size_t>(bytes));
}

}  // namespace

std::string encode_png(const Image& image) {
  int bytes = 0;
  const std::unique_ptr<unsigned char, decltype(&std::free)> file(
      stbi_write_png_to_mem(image.rgb.data(), static_cast<int>(image.row_bytes()), image.width,
                            image.height, 3, &bytes),
      &std::free);
  if (!file) out_of_memory(image);
  return {reinterpret_cast<const char*>(file.get()), static_cast<std::size_t>(bytes)};
}

std::string encode_jpeg(const Image& image, int quality) {
  std::string file;
  // The library takes 0 for its own default.
  const int written = stbi_write_jpg_to_func(append, &file, image.width, image.height, 3,
                                             image.rgb.data(), std::max(quality, 1));
  if (written == 0) out_of_memory(image);
  return file;
}

}  // namespace bafa::image
