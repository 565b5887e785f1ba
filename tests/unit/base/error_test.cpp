#include "bafa/error.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "bafa/engine.h"

namespace bafa {
namespace {

TEST(ErrorCode, EveryCodeHasItsOwnName) {
  std::set<std::string_view> names;
  const int count = static_cast<int>(ErrorCode::internal) + 1;
  for (int code = 0; code < count; ++code) {
    names.insert(to_string(static_cast<ErrorCode>(code)));
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(count));
  EXPECT_TRUE(names.contains("queue_full"));
}

TEST(Error, KeepsCodeMessageAndParam) {
  const Error error(ErrorCode::invalid_value, "steps must be from 1 to 50", "steps");
  EXPECT_EQ(error.code(), ErrorCode::invalid_value);
  EXPECT_STREQ(error.what(), "steps must be from 1 to 50");
  EXPECT_EQ(error.param(), "steps");
}

TEST(JobWords, AreThoseOfTheInterface) {
  EXPECT_EQ(to_string(JobState::canceled), "canceled");
  EXPECT_EQ(to_string(JobState::expired), "expired");
  EXPECT_EQ(to_string(Phase::denoise), "denoise");
  EXPECT_EQ(to_string(Phase::save), "save");
  EXPECT_EQ(to_string(Priority::high), "high");
  EXPECT_EQ(to_string(Readiness::draining), "draining");
}

}  // namespace
}  // namespace bafa
