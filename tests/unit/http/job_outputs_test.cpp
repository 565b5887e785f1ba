#include "http/job_outputs.h"

#include <gtest/gtest.h>

namespace bafa::http {
namespace {

OutputOptions webp() { return {.format = image::Format::webp}; }

TEST(JobOutputs, RemembersHowAResultIsHandedOver) {
  JobOutputs outputs;
  outputs.remember("a", webp());
  EXPECT_EQ(outputs.of("a").format, image::Format::webp);
  EXPECT_EQ(outputs.of("b").format, image::Format::png);
}

TEST(JobOutputs, ForgetsTheOldestBeyondItsLimit) {
  JobOutputs outputs(2);
  for (const char* id : {"a", "b", "b", "c"}) outputs.remember(id, webp());
  EXPECT_EQ(outputs.of("a").format, image::Format::png);
  EXPECT_EQ(outputs.of("b").format, image::Format::webp);
  EXPECT_EQ(outputs.of("c").format, image::Format::webp);
}

}  // namespace
}  // namespace bafa::http
