#include "image/encode.h"

#include <gtest/gtest.h>

#include <string>

#include "bafa/error.h"
#include "support/decode_image.h"
#include "support/drawn_image.h"

namespace bafa::image {
namespace {

using test::decode_jpeg;
using test::decode_png;
using test::decode_webp;
using test::drawn_image;
using test::psnr;

struct Size {
  int width = 0;
  int height = 0;
};

class Encode : public testing::TestWithParam<Size> {
 protected:
  const Image image_ = drawn_image(GetParam().width, GetParam().height);
};

TEST_P(Encode, PngKeepsEveryPixel) {
  const Image decoded = decode_png(encode(image_, {.format = Format::png}));
  EXPECT_EQ(decoded.width, image_.width);
  EXPECT_EQ(decoded.height, image_.height);
  EXPECT_EQ(decoded.rgb, image_.rgb);
}

TEST_P(Encode, JpegIsCloseToThePicture) {
  const Image decoded = decode_jpeg(encode(image_, {.format = Format::jpeg, .compression = 100}));
  EXPECT_EQ(decoded.width, image_.width);
  EXPECT_EQ(decoded.height, image_.height);
  EXPECT_GT(psnr(decoded, image_), 35);
}

TEST_P(Encode, WebpIsCloseToThePicture) {
  const Image decoded = decode_webp(encode(image_, {.format = Format::webp, .compression = 100}));
  EXPECT_EQ(decoded.width, image_.width);
  EXPECT_EQ(decoded.height, image_.height);
  // Colour is kept at half the resolution, which is most of what a tiny picture has.
  EXPECT_GT(psnr(decoded, image_), image_.rgb.size() < 3000 ? 20 : 30);
}

INSTANTIATE_TEST_SUITE_P(Sizes, Encode,
                         testing::Values(Size{256, 256}, Size{1, 1}, Size{7, 3}, Size{3, 300},
                                         Size{640, 1}, Size{100, 61}));

TEST(EncodeQuality, TradesBytesForCloseness) {
  const Image image = drawn_image(256, 256);
  for (const Format format : {Format::jpeg, Format::webp}) {
    const std::string worst = encode(image, {.format = format, .compression = 0});
    const std::string usual = encode(image, {.format = format});
    const std::string best = encode(image, {.format = format, .compression = 100});
    EXPECT_LT(worst.size(), usual.size()) << to_string(format);
    EXPECT_LT(usual.size(), best.size()) << to_string(format);
  }
}

TEST(EncodeTwice, GivesTheSameBytes) {
  const Image image = drawn_image(200, 120);
  for (const Format format : {Format::png, Format::jpeg, Format::webp}) {
    EXPECT_EQ(encode(image, {.format = format}), encode(image, {.format = format}));
  }
}

TEST(EncodeLimits, AreThoseOfTheFormats) {
  const auto refused = [](const Image& image, Format format) {
    try {
      encode(image, {.format = format});
    } catch (const Error& error) {
      return error.code() == ErrorCode::unsupported_size;
    }
    return false;
  };
  EXPECT_FALSE(refused(drawn_image(16383, 1), Format::webp));
  EXPECT_TRUE(refused(drawn_image(16384, 1), Format::webp));
  EXPECT_FALSE(refused(drawn_image(1, 65535), Format::jpeg));
  EXPECT_TRUE(refused(drawn_image(1, 65536), Format::jpeg));
}

TEST(FormatNames, GoBothWays) {
  for (const Format format : {Format::png, Format::jpeg, Format::webp}) {
    EXPECT_EQ(parse_format(to_string(format)), format);
  }
  EXPECT_EQ(parse_format("jpg"), Format::jpeg);
  EXPECT_EQ(parse_format("gif"), std::nullopt);
  EXPECT_EQ(parse_format("PNG"), std::nullopt);
  EXPECT_EQ(media_type(Format::webp), "image/webp");
}

}  // namespace
}  // namespace bafa::image
