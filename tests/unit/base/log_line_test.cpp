#include "base/log_line.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "base/json.h"

namespace bafa {
namespace {

Json parsed(const LogLine& line) {
  const auto members = json_members(line.text());
  return members ? parse_json("{" + *members + "}") : Json();
}

TEST(LogLine, IsANameAndPairs) {
  const LogLine line = LogLine("job.failed").add("job", "ab12").add("steps", 8).add("s", 0.25);
  EXPECT_EQ(line.text(), "job.failed job=ab12 steps=8 s=0.250");
}

TEST(LogLine, PutsInQuotesWhatIsNotPlain) {
  EXPECT_EQ(LogLine("x").add("a", "no such file").text(), R"(x a="no such file")");
  EXPECT_EQ(LogLine("x").add("a", "").text(), R"(x a="")");
  EXPECT_EQ(LogLine("x").add("a", "b=c").text(), R"(x a="b=c")");
  EXPECT_EQ(LogLine("x").add("a", "1\n2").text(), R"(x a="1\n2")");
}

TEST(LogLine, KeepsTextAndNumbersApartInJson) {
  const Json json =
      parsed(LogLine("x").add("id", "0123").add("n", "12").add("m", 12).add("f", -0.5));
  EXPECT_EQ(json, Json({{"event", "x"}, {"id", "0123"}, {"n", "12"}, {"m", 12}, {"f", -0.5}}));
}

TEST(LogLine, ComesBackFromJsonAsItWas) {
  for (const std::string text :
       {"a red apple", "say \"hi\" \\", "一只猫", "x=1 y=2", "\t\r\n", "-"}) {
    EXPECT_EQ(parsed(LogLine("job.prompt").add("prompt", text).add("n", 1)),
              Json({{"event", "job.prompt"}, {"prompt", text}, {"n", 1}}));
  }
  EXPECT_EQ(parsed(LogLine("x").add("a", "bad \xFF"))["a"], "bad \uFFFD");
}

TEST(LogLine, SaysWhatIsNoNumberAsText) {
  EXPECT_EQ(parsed(LogLine("x").add("a", std::numeric_limits<double>::quiet_NaN()))["a"], "nan");
}

TEST(LogLine, LeavesOtherTextAlone) {
  for (const char* text : {"", "two words", "x a=\"open", "x a=b c", "x =1", "x a=\"b\"c",
                           "x a=\"\n\"", "x a=\"\\q\"", "x  a=1", "x a=b\"c"}) {
    EXPECT_FALSE(json_members(text)) << text;
  }
}

}  // namespace
}  // namespace bafa
