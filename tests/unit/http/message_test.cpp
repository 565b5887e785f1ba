#include "http/message.h"

#include <gtest/gtest.h>

#include <string>

#include "support/refused.h"

namespace bafa::http {
namespace {

std::optional<std::string> parameter_of(std::string query, std::string_view name) {
  HttpRequest request;
  request.query = std::move(query);
  return request.query_parameter(name);
}

TEST(Headers, CompareNamesWithoutCase) {
  Headers headers;
  headers.add("Accept", "a");
  headers.add("accept", "b");
  EXPECT_EQ(*headers.find("ACCEPT"), "a");
  EXPECT_EQ(headers.count("Accept"), 2u);
  headers.set("aCCept", "c");
  EXPECT_EQ(headers.size(), 1u);
  EXPECT_EQ(*headers.find("Accept"), "c");
  EXPECT_EQ(headers.find("Accep"), nullptr);
}

TEST(QueryParameter, IsDecodedOnce) {
  EXPECT_EQ(parameter_of("a=1&b=x+y%2B%26&c", "b"), "x y+&");
  EXPECT_EQ(parameter_of("a=1&b=2&c", "c"), "");
  EXPECT_EQ(parameter_of("a=b=c", "a"), "b=c");
  EXPECT_EQ(parameter_of("%61=1", "a"), "1");
  EXPECT_EQ(parameter_of("ab=1&&=2", "a"), std::nullopt);
}

TEST(QueryParameter, IsRefusedTwiceOrBroken) {
  EXPECT_EQ(test::refused([] { parameter_of("a=1&a=1", "a"); }).param, "a");
  for (const char* query : {"a=%", "a=%0d", "a=%00", "a=%ff", "a=%zz"})
    EXPECT_EQ(test::refused([&] { parameter_of(query, "a"); }).code, ErrorCode::invalid_value)
        << query;
}

TEST(PercentDecode, RefusesControlsAndWhatIsNotUtf8) {
  EXPECT_EQ(percent_decode("%E4%b8%80%25"), "\u4e00%");
  for (const char* text : {"%00", "%1f", "%7F", "\x01", "%c0%80", "%ed%a0%80", "%", "%1", "%1g"})
    EXPECT_EQ(percent_decode(text), std::nullopt) << text;
}

}  // namespace
}  // namespace bafa::http
