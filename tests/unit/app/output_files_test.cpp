#include "app/output_files.h"

#include <gtest/gtest.h>

#include "app/progress_bar.h"
#include "bafa/error.h"

namespace bafa::app {
namespace {

TEST(OutputFiles, TheEndingChoosesTheFormat) {
  EXPECT_EQ(format_of("apple.png"), image::Format::png);
  EXPECT_EQ(format_of("a.b/apple.JPG"), image::Format::jpeg);
  EXPECT_EQ(format_of("apple.jpeg"), image::Format::jpeg);
  EXPECT_EQ(format_of("apple.webp"), image::Format::webp);
  EXPECT_EQ(format_of("-"), image::Format::png);
  EXPECT_EQ(format_of(""), image::Format::png);
}

TEST(OutputFiles, OtherEndingsAreRefused) {
  for (const char* name : {"apple", "apple.gif", "apple.", "png", ".png", "folder.png/apple"}) {
    EXPECT_THROW(format_of(name), Error) << name;
  }
}

TEST(OutputFiles, OnePictureHasTheNameAsGiven) {
  EXPECT_EQ(output_file("out/apple.png", {.first_seed = 7}), "out/apple.png");
}

TEST(OutputFiles, SeveralAreNumberedBeforeTheEnding) {
  EXPECT_EQ(output_file("out/apple.png", {.index = 0, .count = 4}), "out/apple-0.png");
  EXPECT_EQ(output_file("a.b.webp", {.index = 3, .count = 4}), "a.b-3.webp");
  EXPECT_EQ(output_file("apple.png", {.index = 3, .count = 100}), "apple-03.png");
}

TEST(OutputFiles, WithoutANameTheSeedTellsThemApart) {
  EXPECT_EQ(output_file("", {.index = 0, .count = 1, .first_seed = 42}), "bafa-42.png");
  EXPECT_EQ(output_file("", {.index = 2, .count = 3, .first_seed = 42}), "bafa-44.png");
}

TEST(ProgressBar, GrowsWithTheSteps) {
  EXPECT_EQ(drawn_bar(0, 8), "[--------------------------------] 0/8");
  EXPECT_EQ(drawn_bar(4, 8), "[################----------------] 4/8");
  EXPECT_EQ(drawn_bar(8, 16), "[################----------------]  8/16");
  EXPECT_EQ(drawn_bar(8, 8), "[################################] 8/8");
}

}  // namespace
}  // namespace bafa::app
