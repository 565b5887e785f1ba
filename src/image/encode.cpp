#include "image/encode.h"

#include "bafa/error.h"
#include "base/check.h"
#include "image/codecs.h"

namespace bafa::image {
namespace {

constexpr int kDefaultQuality = 90;

struct SizeLimit {
  std::int64_t side = 0;   // pixels
  std::int64_t bytes = 0;  // of raw pixels
};

// stb_image_write counts bytes in int; half of its range leaves room for filter bytes and for what
// does not compress.
constexpr std::int64_t kMaxStbBytes = std::int64_t{1} << 30;

SizeLimit limit_of(Format format) {
  switch (format) {
    case Format::png: return {.side = kMaxStbBytes, .bytes = kMaxStbBytes};
    case Format::jpeg: return {.side = 65535, .bytes = kMaxStbBytes};
    case Format::webp: return {.side = 16383, .bytes = std::int64_t{1} << 32};
  }
  check_failed("an image format", __FILE__, __LINE__);
}

void check_size(const Image& image, Format format) {
  const SizeLimit limit = limit_of(format);
  const std::int64_t bytes = static_cast<std::int64_t>(image.row_bytes()) * image.height;
  if (image.width <= limit.side && image.height <= limit.side && bytes <= limit.bytes) return;
  throw Error(ErrorCode::unsupported_size,
              std::to_string(image.width) + "x" + std::to_string(image.height) +
                  " pixels are more than a " + std::string(to_string(format)) + " file can hold");
}

}  // namespace

std::string_view to_string(Format format) {
  switch (format) {
    case Format::png: return "png";
    case Format::jpeg: return "jpeg";
    case Format::webp: return "webp";
  }
  check_failed("an image format", __FILE__, __LINE__);
}

std::string_view media_type(Format format) {
  switch (format) {
    case Format::png: return "image/png";
    case Format::jpeg: return "image/jpeg";
    case Format::webp: return "image/webp";
  }
  check_failed("an image format", __FILE__, __LINE__);
}

std::optional<Format> parse_format(std::string_view name) {
  if (name == "png") return Format::png;
  if (name == "jpeg" || name == "jpg") return Format::jpeg;
  if (name == "webp") return Format::webp;
  return std::nullopt;
}

std::string encode(const Image& image, const EncodeOptions& options) {
  CHECK(image.width > 0 && image.height > 0);
  CHECK(image.rgb.size() == image.row_bytes() * static_cast<std::size_t>(image.height));
  const int quality = options.compression.value_or(kDefaultQuality);
  CHECK(quality >= 0 && quality <= 100);
  check_size(image, options.format);
  switch (options.format) {
    case Format::png: return encode_png(image);
    case Format::jpeg: return encode_jpeg(image, quality);
    case Format::webp: return encode_webp(image, quality);
  }
  check_failed("an image format", __FILE__, __LINE__);
}

}  // namespace bafa::image
