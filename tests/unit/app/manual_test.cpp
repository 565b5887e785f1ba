#include "app/manual.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <string>
#include <variant>

#include "app/command_line.h"
#include "app/options.h"
#include "support/temporary_folder.h"

namespace bafa::app {
namespace {

using testing::HasSubstr;

std::string text_of(const std::string& option) {
  return std::get<Answer>(parse_command_line({option})).text;
}

std::string escaped(std::string_view flag) {
  std::string text;
  for (const char c : flag) text += c == '-' ? "\\-" : std::string(1, c);
  return text;
}

TEST(ManPage, TellsOfEveryOptionAndExitCode) {
  const std::string page = text_of("--man-page");
  EXPECT_TRUE(page.starts_with(".TH BAFA 1 "));
  Config config;
  for (const Option& option : options_of(config)) {
    EXPECT_THAT(page, HasSubstr(escaped(option.flag))) << "\"\" is in every text";
  }
  for (const char* command : {"serve", "generate", "models", "tokenize", "bench"}) {
    EXPECT_THAT(page, HasSubstr(std::string(".SS bafa ") + command + "\n"));
  }
  EXPECT_THAT(page, HasSubstr("the configuration is wrong"));
}

// What bash would offer for the last of `words`, one a line; the completion is sourced first.
class Completion : public testing::Test {
 protected:
  std::string offered(const std::string& words, int last) {
    const auto script = folder_.write("bafa", text_of("--bash-completion"));
    const std::string command = "bash -c '. " + script.string() + "; COMP_WORDS=(" + words +
                                "); COMP_CWORD=" + std::to_string(last) +
                                "; _bafa; printf \"%s\\n\" \"${COMPREPLY[@]}\"'";
    std::FILE* const pipe = ::popen(command.c_str(), "r");
    EXPECT_NE(pipe, nullptr);
    std::string output;
    std::array<char, 256> buffer{};
    while (std::fgets(buffer.data(), buffer.size(), pipe) != nullptr) output += buffer.data();
    EXPECT_EQ(::pclose(pipe), 0);
    return output;
  }

  const test::TemporaryFolder folder_;
};

TEST_F(Completion, OffersCommandsAndTheirOptions) {
  EXPECT_EQ(offered("bafa ge", 1), "generate\n");
  EXPECT_EQ(offered("bafa serve --log-l", 2), "--log-level\n");
  EXPECT_EQ(offered("bafa serve --see", 2), "\n") << "only generate takes a seed";
  EXPECT_EQ(offered("bafa generate --see", 2), "--seed\n");
}

TEST_F(Completion, LeavesTheValuesOfOptionsToBash) {
  EXPECT_EQ(offered("bafa serve --config --", 3), "\n");
  EXPECT_EQ(offered("bafa generate -o --", 3), "\n");
  EXPECT_THAT(offered("bafa serve --log-json --", 3), HasSubstr("--port\n")) << "it takes none";
}

}  // namespace
}  // namespace bafa::app
