#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "bafa/error.h"
#include "base/json.h"

namespace bafa {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

template <typename Read>
Error error_of(Read read) {
  try {
    read();
  } catch (const Error& error) {
    return error;
  }
  return {ErrorCode::internal, "nothing was refused"};
}

TEST(ObjectReader, ReadsEachTypeExactly) {
  const Json json = parse_json(
      R"({"s":"x","b":true,"i":-3,"n":2,"f":0.5,"is":[1,2],"ss":["p","q"],"big":9223372036854775807})");
  ObjectReader reader(json, "");
  EXPECT_EQ(reader.string("s"), "x");
  EXPECT_EQ(reader.boolean("b"), true);
  EXPECT_EQ(reader.integer("i"), -3);
  EXPECT_EQ(reader.integer("big"), INT64_MAX);
  EXPECT_EQ(reader.number("n"), 2.0);
  EXPECT_EQ(reader.number("f"), 0.5);
  EXPECT_THAT(*reader.integers("is"), ElementsAre(1, 2));
  EXPECT_THAT(*reader.strings("ss"), ElementsAre("p", "q"));
}

TEST(ObjectReader, TakesNullForAbsent) {
  const Json json = parse_json(R"({"a":null})");
  ObjectReader reader(json, "");
  EXPECT_EQ(reader.integer("a"), std::nullopt);
  EXPECT_EQ(reader.string("missing"), std::nullopt);
  EXPECT_TRUE(reader.any("a")->is_null());
  EXPECT_EQ(reader.any("missing"), nullptr);
}

TEST(ObjectReader, WrapsNoIntegerAndCutsNone) {
  for (const char* bad : {"1.9", "8.0", "1e2", "1e20", "true", "\"8\"", "9223372036854775808",
                          "18446744073709551615", "-9223372036854775809", "[8]", "{}"}) {
    const Json json = parse_json(std::string("{\"steps\":") + bad + "}");
    ObjectReader reader(json, "");
    const Error error = error_of([&] { reader.integer("steps"); });
    EXPECT_EQ(error.code(), ErrorCode::invalid_value) << bad;
    EXPECT_EQ(error.param(), "steps") << bad;
  }
}

TEST(ObjectReader, NamesTheLimitsOfAnInteger) {
  const Json json = parse_json(R"({"low":0,"high":51,"text":"8","ok":50})");
  ObjectReader reader(json, "");
  EXPECT_EQ(reader.integer_in("ok", 1, 50), 50);
  for (const char* key : {"low", "high", "text"}) {
    EXPECT_THAT(error_of([&] { reader.integer_in(key, 1, 50); }).what(),
                HasSubstr("must be an integer from 1 to 50"));
  }
}

TEST(ObjectReader, RefusesOtherTypes) {
  const Json json = parse_json(R"({"a":1,"mixed":["x",1],"floats":[1,1.5]})");
  ObjectReader reader(json, "");
  EXPECT_EQ(error_of([&] { reader.string("a"); }).code(), ErrorCode::invalid_value);
  EXPECT_EQ(error_of([&] { reader.boolean("a"); }).code(), ErrorCode::invalid_value);
  EXPECT_EQ(error_of([&] { reader.number("mixed"); }).code(), ErrorCode::invalid_value);
  EXPECT_EQ(error_of([&] { reader.strings("mixed"); }).code(), ErrorCode::invalid_value);
  EXPECT_EQ(error_of([&] { reader.integers("floats"); }).code(), ErrorCode::invalid_value);
  EXPECT_EQ(error_of([&] { reader.integers("a"); }).code(), ErrorCode::invalid_value);
}

TEST(ObjectReader, NamesItsContext) {
  const Json json = parse_json(R"({"act":1})");
  ObjectReader reader(json, "unet/config.json");
  EXPECT_EQ(error_of([&] { reader.string("act"); }).param(), "unet/config.json: act");
  EXPECT_THAT(error_of([&] { ObjectReader(parse_json("[]"), "unet/config.json"); }).what(),
              HasSubstr("unet/config.json must be a JSON object"));
}

TEST(ObjectReader, RefusesEverythingWithTheCodeItWasGiven) {
  const Json json = parse_json(R"({"act":1})");
  ObjectReader reader(json, "unet/config.json", ErrorCode::invalid_model);
  EXPECT_EQ(error_of([&] { reader.string("act"); }).code(), ErrorCode::invalid_model);
  EXPECT_EQ(error_of([&] { reader.require("absent"); }).code(), ErrorCode::invalid_model);
  ObjectReader unread(json, "unet/config.json", ErrorCode::invalid_model);
  EXPECT_EQ(error_of([&] { unread.refuse_unread(); }).code(), ErrorCode::invalid_model);
}

TEST(ObjectReader, RequiresAFieldThatIsNotNull) {
  const Json json = parse_json(R"({"prompt":null,"model":"x"})");
  const ObjectReader reader(json, "");
  EXPECT_NO_THROW(reader.require("model"));
  EXPECT_EQ(error_of([&] { reader.require("prompt"); }).code(), ErrorCode::missing_field);
  EXPECT_EQ(error_of([&] { reader.require("absent"); }).param(), "absent");
}

TEST(ObjectReader, RefusesLeftoversWithTheNearestField) {
  const Json json = parse_json(R"({"steps":8,"guidence_scale":1})");
  ObjectReader reader(json, "");
  reader.integer("steps");
  reader.number("guidance_scale");
  EXPECT_THAT(reader.unread(), ElementsAre("guidence_scale"));
  const Error error = error_of([&] { reader.refuse_unread(); });
  EXPECT_EQ(error.code(), ErrorCode::unknown_field);
  EXPECT_EQ(error.param(), "guidence_scale");
  EXPECT_THAT(error.what(), HasSubstr("did you mean guidance_scale?"));
}

TEST(ObjectReader, ShowsAHostileKeyHarmlessly) {
  const Json json = parse_json(R"({"\r\nSet-Cookie: a":1})");
  ObjectReader reader(json, "");
  EXPECT_THAT(error_of([&] { reader.refuse_unread(); }).what(), HasSubstr("??Set-Cookie"));
}

}  // namespace
}  // namespace bafa
