#include "text/added_tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "support/refused.h"

namespace bafa::text {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string lowered(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

// Texts as they are, tokens as #id.
std::vector<std::string> split(const std::vector<AddedToken>& tokens, const std::string& text) {
  std::vector<std::string> parts;
  for (const TextPart& part : AddedTokens(tokens, lowered, "files").split(text))
    parts.push_back(part.token ? "#" + std::to_string(*part.token) : part.text);
  return parts;
}

TEST(AddedTokens, NormalisesWhatIsNoToken) {
  EXPECT_THAT(split({{.text = "<X>", .id = 7}}, "A<X>B <x>"), ElementsAre("a", "#7", "b <x>"));
}

TEST(AddedTokens, FindsNormalisedOnesInTheNormalisedText) {
  EXPECT_THAT(split({{.text = "<X>", .id = 7, .normalized = true}}, "A<X>B <x>"),
              ElementsAre("a", "#7", "b ", "#7"));
}

TEST(AddedTokens, FindsLiteralOnesFirst) {
  EXPECT_THAT(split({{.text = "ab", .id = 1, .normalized = true}, {.text = "bc", .id = 2}}, "abc"),
              ElementsAre("a", "#2"));
}

TEST(AddedTokens, TakesTheLeftmostAndThenTheLongest) {
  EXPECT_THAT(split({{.text = "ab", .id = 1}, {.text = "abc", .id = 2}, {.text = "bcd", .id = 3}},
                    "abcd xbcd"),
              ElementsAre("#2", "d x", "#3"));
}

TEST(AddedTokens, TakesSpacesAlongWhereATokenStripsThem) {
  EXPECT_THAT(split({{.text = "<l>", .id = 1, .lstrip = true}}, "a \u3000<l> b"),
              ElementsAre("a", "#1", " b"));
  EXPECT_THAT(split({{.text = "<r>", .id = 1, .rstrip = true}}, "a <r>\t\u00a0b"),
              ElementsAre("a ", "#1", "b"));
  EXPECT_THAT(split({{.text = "<b>", .id = 1, .lstrip = true, .rstrip = true}}, " <b>  <b> "),
              ElementsAre("#1", "#1"));
}

TEST(AddedTokens, LeavesASingleWordWithinAnotherAlone) {
  const std::vector<AddedToken> tokens{{.text = "cat", .id = 1, .single_word = true}};
  EXPECT_THAT(split(tokens, "cat, concat cats\u0301 \u00e9cat cat_ cat"),
              ElementsAre("#1", ", concat cats\u0301 \u00e9cat cat_ ", "#1"));
}

TEST(AddedTokens, HasNoPartsForNoText) { EXPECT_THAT(split({{.text = "x"}}, ""), ElementsAre()); }

TEST(AddedTokens, RefusesTwoThatMatchTheSame) {
  const auto refused = test::refused([] {
    split({{.text = "<X>", .id = 1, .normalized = true}, {.text = "<x>", .normalized = true}}, "");
  });
  EXPECT_EQ(refused.code, ErrorCode::invalid_model);
  EXPECT_THAT(refused.message, HasSubstr("files: two added tokens match <x>"));
}

TEST(AddedTokens, RefusesOneThatMatchesNothing) {
  const auto refused = test::refused([] { split({{.text = ""}}, ""); });
  EXPECT_EQ(refused.code, ErrorCode::invalid_model);
}

}  // namespace
}  // namespace bafa::text
