#include "http/accept.h"

#include <gtest/gtest.h>

#include <array>

namespace bafa::http {
namespace {

constexpr std::array<std::string_view, 3> kOffered{"application/json", "image/png", "image/webp"};

std::string_view chosen(std::string_view accept) {
  const auto index = negotiate(accept, kOffered);
  return index ? kOffered[*index] : "none";
}

TEST(Accept, TakesTheFirstOfferWhenTheCallerHasNoWish) {
  EXPECT_EQ(chosen(""), "application/json");
  EXPECT_EQ(chosen("  "), "application/json");
  EXPECT_EQ(chosen("*/*"), "application/json");
}

TEST(Accept, TakesTheTypeThatIsNamed) {
  EXPECT_EQ(chosen("image/png"), "image/png");
  EXPECT_EQ(chosen("IMAGE/WebP"), "image/webp");
  EXPECT_EQ(chosen("application/json, text/plain, */*"), "application/json");
}

TEST(Accept, PrefersTheHigherQuality) {
  EXPECT_EQ(chosen("application/json;q=0.5, image/webp;q=0.9"), "image/webp");
  EXPECT_EQ(chosen("image/png;q=0.3, */*;q=0.8"), "application/json");
}

TEST(Accept, PrefersWhatIsNamedToWhatIsCovered) {
  EXPECT_EQ(chosen("image/png, */*"), "image/png");
  EXPECT_EQ(chosen("image/*, */*"), "image/png");
}

TEST(Accept, AnswersABrowserThatLoadsAPicture) {
  EXPECT_EQ(chosen("image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"),
            "image/webp");
}

TEST(Accept, LetsTheMostSpecificRangeDecide) {
  EXPECT_EQ(chosen("image/png;q=0, image/*"), "image/webp");
  EXPECT_EQ(chosen("*/*, application/json;q=0"), "image/png");
}

TEST(Accept, RefusesWhatIsNotOffered) {
  EXPECT_EQ(chosen("text/html"), "none");
  EXPECT_EQ(chosen("image/png;q=0"), "none");
  EXPECT_EQ(chosen("image/gif, text/*"), "none");
}

TEST(Accept, SkipsMalformedRanges) {
  EXPECT_EQ(chosen("image/png;q=2, image/webp;q=0.1"), "image/webp");
  EXPECT_EQ(chosen("image/png;q=0.1234, image/webp;q=0.1"), "image/webp");
  EXPECT_EQ(chosen("image/png;q=-1, ,;;, image/webp;q=0.1"), "image/webp");
  EXPECT_EQ(chosen("imagepng"), "none");
}

}  // namespace
}  // namespace bafa::http
