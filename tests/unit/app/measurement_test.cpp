#include "app/measurement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/json.h"

namespace bafa::app {
namespace {

TEST(Measurement, MedianIsTheMiddleOrTheLowerOfTwo) {
  EXPECT_EQ(median({3, 1, 2}), 2);
  EXPECT_EQ(median({4, 1, 3, 2}), 2);
  EXPECT_EQ(median({5}), 5);
  EXPECT_TRUE(std::isnan(median({})));
  EXPECT_EQ(smallest({3, 1, 2}), 1);
}

TEST(Measurement, IsOneJsonLineWithEveryField) {
  const std::string line =
      as_json({.model = "bafa-emoji", .size = "256x256", .forward_ms = 12.3456});
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const Json json = parse_json(line);
  for (const char* key :
       {"model",      "size",           "steps",     "batch",          "dtype",
        "device",     "threads",        "load_ms",   "first_image_ms", "encode_ms",
        "forward_ms", "forward_min_ms", "decode_ms", "png_ms",         "total_ms",
        "peak_bytes", "rss_bytes",      "level",     "budget_bytes",   "device_peak_bytes",
        "version"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
  EXPECT_EQ(json["forward_ms"], 12.346);
}

TEST(Measurement, IsATableForPeople) {
  const std::string table = as_table({.model = "bafa-emoji", .total_ms = 187.5});
  EXPECT_THAT(table, testing::HasSubstr("bafa-emoji"));
  EXPECT_THAT(table, testing::ContainsRegex("total +187.50 ms"));
}

TEST(MemoryTable, SetsEachWayBesideTheSecond) {
  const std::vector<MemoryRow> rows{{.name = "fp32",
                                     .predicted_bytes = 3 << 20,
                                     .peak_bytes = 2 << 20,
                                     .image_ms = 80,
                                     .jobs = 0},
                                    {.name = "bf16",
                                     .predicted_bytes = 1 << 20,
                                     .peak_bytes = 1 << 20,
                                     .image_ms = 40,
                                     .jobs = 2}};
  EXPECT_EQ(as_table(rows, 4 << 20),
            "| | peak | predicted | ms a picture | time | jobs within 4.0 MiB |\n"
            "|---|---|---|---|---|---|\n"
            "| fp32 | 2.0 MiB | 3.0 MiB | 80 | 2.00 | 0 |\n"
            "| bf16 | 1.0 MiB | 1.0 MiB | 40 | 1.00 | 2 |\n");
}

}  // namespace
}  // namespace bafa::app
