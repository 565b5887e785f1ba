#include "http/encoded_images.h"

#include <gtest/gtest.h>

#include "bafa/error.h"
#include "support/manual_clock.h"

namespace bafa::http {
namespace {

std::shared_ptr<const JobResult> result_of(int images) {
  auto result = std::make_shared<JobResult>();
  for (int i = 0; i < images; ++i) {
    const auto shade = static_cast<std::uint8_t>(40 * i);
    result->images.push_back({.width = 8, .height = 8, .rgb = std::vector(8 * 8 * 3, shade)});
    result->indices.push_back(i);
  }
  return result;
}

class EncodedImagesTest : public testing::Test {
 protected:
  static constexpr std::size_t kAll[] = {0, 1};
  static constexpr Encoding kPng{.format = image::Format::png};

  test::ManualClock clock_;
  HttpMetrics metrics_;
  EncodedImages images_{{.threads = 2, .max_cached_bytes = 1 << 20}, clock_, metrics_};
};

TEST_F(EncodedImagesTest, EncodesEveryPictureThatIsAskedFor) {
  const auto result = result_of(2);
  const auto encoded = images_.encode("a", result, kAll, kPng);
  ASSERT_EQ(encoded.size(), 2u);
  for (std::size_t i : kAll)
    EXPECT_EQ(*encoded[i], image::encode(result->images[i], {.format = image::Format::png,
                                                             .compression = std::nullopt}));
}

TEST_F(EncodedImagesTest, EncodesAPictureOnceForEverybodyWhoFetchesIt) {
  const auto result = result_of(2);
  const auto first = images_.encode("a", result, kAll, kPng);
  const auto second = images_.encode("a", result, kAll, kPng);
  EXPECT_EQ(first[0].get(), second[0].get());
  EXPECT_EQ(first[1].get(), second[1].get());
}

TEST_F(EncodedImagesTest, KeepsJobsFormatsAndQualitiesApart) {
  const auto result = result_of(1);
  constexpr std::size_t kFirst[] = {0};
  const auto png = images_.encode("a", result, kFirst, kPng)[0];
  const auto jpeg = images_.encode("a", result, kFirst, {image::Format::jpeg, 90})[0];
  const auto worse = images_.encode("a", result, kFirst, {image::Format::jpeg, 10})[0];
  EXPECT_TRUE(png->starts_with("\x89PNG"));
  EXPECT_TRUE(jpeg->starts_with("\xff\xd8"));
  EXPECT_NE(jpeg.get(), worse.get());
  EXPECT_NE(images_.encode("b", result, kFirst, kPng)[0].get(), png.get());
}

TEST_F(EncodedImagesTest, KeepsNoMoreBytesThanAllowed) {
  EncodedImages small({.threads = 1, .max_cached_bytes = 1}, clock_, metrics_);
  const auto result = result_of(1);
  constexpr std::size_t kFirst[] = {0};
  const auto first = small.encode("a", result, kFirst, kPng)[0];
  EXPECT_NE(small.encode("a", result, kFirst, kPng)[0].get(), first.get());
}

TEST_F(EncodedImagesTest, HandsAnEncodersErrorToTheCaller) {
  const auto wide = std::make_shared<Image>(
      Image{.width = 70'000, .height = 1, .rgb = std::vector<std::uint8_t>(70'000 * 3)});
  EXPECT_THROW(images_.encode(wide, {.format = image::Format::webp}), Error);
}

}  // namespace
}  // namespace bafa::http
