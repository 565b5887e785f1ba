#include "base/component_config.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "support/refused.h"
#include "support/temporary_folder.h"

namespace bafa {
namespace {

Json read(const std::string& text) {
  const test::TemporaryFolder folder;
  return read_component_json(folder.write("config.json", text));
}

// Python's json module writes them so, and the reference's DPM-Solver has one in every file.
TEST(ComponentJson, TakesPythonsInfiniteNumbersForStrings) {
  EXPECT_EQ(read(R"({"a": -Infinity, "b": [Infinity,NaN], "c": "-Infinity NaN"})"),
            (Json{{"a", "-Infinity"}, {"b", {"Infinity", "NaN"}}, {"c", "-Infinity NaN"}}));
}

TEST(ComponentJson, LeavesStringsAsTheyAre) {
  EXPECT_EQ(read(R"({"a \" NaN": "\\", "b": "say \"NaN\"", "c": NaN})"),
            (Json{{"a \" NaN", "\\"}, {"b", "say \"NaN\""}, {"c", "NaN"}}));
}

TEST(ComponentJson, RefusesWhatIsNoObject) {
  for (const char* text : {"[1]", "NaN", "{\"a\": Infinit}", "{\"a\": NaNNaN}", "{\"a"})
    EXPECT_EQ(test::refused([&] { read(text); }).code, ErrorCode::invalid_model) << text;
}

TEST(ComponentConfig, DoesNotTakeAnInfiniteNumberForANumber) {
  const test::TemporaryFolder folder;
  ComponentConfig config(folder.write("config.json", R"({"beta": Infinity})"));
  EXPECT_EQ(test::refused([&] { config.number("beta", 0); }).code, ErrorCode::invalid_model);
}

}  // namespace
}  // namespace bafa
