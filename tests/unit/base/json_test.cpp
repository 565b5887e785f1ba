#include "base/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "bafa/error.h"

namespace bafa {
namespace {

using testing::HasSubstr;

std::string refusal(std::string_view text, const JsonLimits& limits = {}) {
  try {
    parse_json(text, limits);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_json);
    return error.what();
  }
  return "";
}

std::string repeated(std::string_view piece, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += piece;
  return text;
}

TEST(ParseJson, BuildsWhatTheTextSays) {
  const Json json = parse_json(R"( {"a":[1,-2,3.5,true,null,"\u4e00\ud83c\udf4e"],"b":{"c":[]}} )");
  EXPECT_EQ(json["a"][0], 1);
  EXPECT_EQ(json["a"][1], -2);
  EXPECT_EQ(json["a"][2], 3.5);
  EXPECT_EQ(json["a"][3], true);
  EXPECT_TRUE(json["a"][4].is_null());
  EXPECT_EQ(json["a"][5], "\u4e00\U0001F34E");
  EXPECT_TRUE(json["b"]["c"].empty());
  EXPECT_EQ(parse_json("7"), 7);
}

TEST(ParseJson, RefusesWhatALenientParserLetsThrough) {
  for (const std::string_view bad :
       {"",          " ",          "{",        "[1",        "{\"a\"}", "{\"a\":}", "[1,]",
        "{,}",       "{\"a\":1,}", "[1] 2",    "{}{}",      "{} x",    "nan",      "NaN",
        "Infinity",  "-Infinity",  "[NaN]",    "01",        "+1",      ".5",       "1.",
        "0x10",      "'a'",        "// c\n1",  "/* c */1",  "tru",     "\"a",      "\"\x01\"",
        "\"\\x41\"", "\"\\u12\"",  "\xEF\xBB", "undefined", "{a:1}"}) {
    EXPECT_THAT(refusal(bad), HasSubstr("at byte")) << bad;
  }
}

TEST(ParseJson, RefusesNumbersBeyondADouble) {
  EXPECT_THAT(refusal("[1e400]"), HasSubstr("number is too large"));
  EXPECT_THAT(refusal("-1e400"), HasSubstr("number is too large"));
  EXPECT_THAT(refusal(std::string(400, '9')), HasSubstr("number is too large"));
  EXPECT_EQ(parse_json("1e-400"), 0.0);
}

TEST(ParseJson, RefusesTextThatIsNotUtf8) {
  EXPECT_THAT(refusal("{\"a\":\"\xFF\"}"), HasSubstr("byte 6: the text is not UTF-8"));
  EXPECT_NE(refusal("\"\xED\xA0\x80\""), "");
}

TEST(ParseJson, RefusesLoneSurrogates) {
  EXPECT_NE(refusal(R"("\ud83c")"), "");
  EXPECT_NE(refusal(R"("\udf4e")"), "");
  EXPECT_NE(refusal(R"("\ud83cx")"), "");
  EXPECT_NE(refusal(R"("\ud83c\ud83c")"), "");
}

TEST(ParseJson, SeesWhatFollowsANulByte) {
  EXPECT_THAT(refusal(std::string_view("{}\0{\"evil\":1}", 13)), HasSubstr("byte 2: a NUL byte"));
}

TEST(ParseJson, RefusesDuplicateKeysAtAnyDepth) {
  EXPECT_THAT(refusal(R"({"a":1,"b":2,"a":3})"), HasSubstr("appears twice"));
  EXPECT_THAT(refusal(R"([{"x":{"a":1,"\u0061":3}}])"), HasSubstr("appears twice"));
  EXPECT_EQ(refusal(R"([{"a":1},{"a":1}])"), "");
}

TEST(ParseJson, RefusesDeepNestingWithoutDeepRecursion) {
  EXPECT_EQ(refusal(repeated("[", 32) + repeated("]", 32)), "");
  EXPECT_THAT(refusal(repeated("[", 33) + repeated("]", 33)), HasSubstr("deeper than 32"));
  EXPECT_THAT(refusal(repeated("{\"a\":", 100'000)), HasSubstr("deeper than 32"));
  EXPECT_THAT(refusal("[[1]]", {.max_depth = 1}), HasSubstr("deeper than 1"));
}

TEST(ParseJson, RefusesMoreBytesThanItsLimit) {
  EXPECT_THAT(refusal("\"" + std::string(99, 'a') + "\"", {.max_bytes = 100}),
              HasSubstr("101 bytes; at most 100"));
}

TEST(ParseJson, RefusesMoreValuesThanItsLimit) {
  const JsonLimits four = {.max_values = 4};
  EXPECT_EQ(refusal(R"({"a":1,"b":[2]})", four), "");
  for (const char* text :
       {R"({"a":1,"b":[2,3]})", "[[],[],[],[]]", R"(["","","",""])", "[1,2,3,{}]"})
    EXPECT_THAT(refusal(text, four), HasSubstr("more than 4 values")) << text;
}

TEST(ParseJson, TakesAMillionKeys) {
  std::string text = "{";
  for (int i = 0; i < 1'000'000; ++i) text += "\"" + std::to_string(i) + "\":0,";
  text.back() = '}';
  const Json json = parse_json(text, {.max_bytes = text.size()});
  EXPECT_EQ(json.size(), 1'000'000u);
}

TEST(ParseJson, NamesTheFileAndTheKindOfRefusal) {
  try {
    parse_json("{", {.source = "unet/config.json", .error = ErrorCode::invalid_model});
    FAIL() << "an open object was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_model);
    EXPECT_EQ(error.param(), "unet/config.json");
    EXPECT_THAT(error.what(), testing::StartsWith("unet/config.json: invalid JSON at byte 1"));
  }
}

TEST(ParseJson, NeverRepeatsTheText) {
  EXPECT_THAT(refusal(R"({"secret": hunter2})"), testing::Not(HasSubstr("hunter")));
  EXPECT_THAT(refusal(R"({"secret": hunter2})"), HasSubstr("at byte 12"));
}

}  // namespace
}  // namespace bafa
