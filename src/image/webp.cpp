#include <webp/encode.h>

#include <memory>

#include "bafa/error.h"
#include "image/codecs.h"

namespace bafa::image {

std::string encode_webp(const Image& image, int quality) {
  std::uint8_t* bytes = nullptr;
  const std::size_t size =
      WebPEncodeRGB(image.rgb.data(), image.width, image.height,
                    static_cast<int>(image.row_bytes()), static_cast<float>(quality), &bytes);
  const std::unique_ptr<std::uint8_t, decltype(&WebPFree)> file(bytes, &WebPFree);
  if (size == 0) throw Error(ErrorCode::out_of_memory, "no memory to encode a WebP picture");
  return {reinterpret_cast<const char*>(file.get()), size};
}

}  // namespace bafa::image
