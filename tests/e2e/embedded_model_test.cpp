// The model that ships with the program, as a newcomer meets it: without naming it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "base/files.h"
#include "base/json.h"
#include "e2e/program.h"
#include "support/decode_image.h"

namespace bafa::e2e {
namespace {

constexpr std::uintmax_t kLargestFolder = 40'000'000;  // bytes
constexpr int kNearlyWhite = 235;

// The mean colour of what is not background.
std::array<double, 3> mean_colour(const Image& image) {
  std::array<double, 3> sum{};
  double count = 0;
  for (std::size_t i = 0; i + 2 < image.rgb.size(); i += 3) {
    const auto* pixel = &image.rgb[i];
    if (std::min({pixel[0], pixel[1], pixel[2]}) > kNearlyWhite) continue;
    for (std::size_t channel = 0; channel < 3; ++channel) sum[channel] += pixel[channel];
    ++count;
  }
  for (double& channel : sum) channel /= std::max(count, 1.0);
  return sum;
}

Image painted(const std::string& prompt) {
  const TemporaryFolder folder;
  const std::string file = (folder / "a.png").string();
  const Outcome outcome = run_program({"generate", "--seed", "7", "-o", file, "--", prompt});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  return test::decode_png(read_file(file, 1 << 24));
}

TEST(EmbeddedModel, PaintsTheColourThatIsNamedInBothLanguages) {
  for (const char* prompt : {"a red apple", "红心"}) {
    const Image image = painted(prompt);
    EXPECT_EQ(image.width, 256);
    EXPECT_EQ(image.height, 256);
    const auto [red, green, blue] = mean_colour(image);
    EXPECT_GT(red, 1.4 * green) << prompt;
    EXPECT_GT(red, 1.4 * blue) << prompt;
  }
  for (const char* prompt : {"green heart", "绿心"}) {
    const auto [red, green, blue] = mean_colour(painted(prompt));
    EXPECT_GT(green, 1.2 * red) << prompt;
    EXPECT_GT(green, 1.2 * blue) << prompt;
  }
}

TEST(EmbeddedModel, IsDescribedAndSmall) {
  const Outcome outcome = run_program({"models", "--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const Json model = parse_json(outcome.out.substr(0, outcome.out.find('\n')));
  EXPECT_EQ(model["name"], "bafa-emoji");
  EXPECT_EQ(model["refusal"], "");
  std::uintmax_t bytes = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator("models/bafa-emoji")) {
    if (entry.is_regular_file()) bytes += entry.file_size();
  }
  EXPECT_LE(bytes, kLargestFolder);
}

}  // namespace
}  // namespace bafa::e2e
