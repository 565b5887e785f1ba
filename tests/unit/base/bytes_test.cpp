#include "base/bytes.h"

#include <gtest/gtest.h>

namespace bafa {
namespace {

TEST(Bytes, AreReadWithEveryUnit) {
  EXPECT_EQ(parse_bytes("1048576"), 1 << 20);
  EXPECT_EQ(parse_bytes("8GiB"), 8LL << 30);
  EXPECT_EQ(parse_bytes("512 MiB"), 512 << 20);
  EXPECT_EQ(parse_bytes("3KiB"), 3 << 10);
  EXPECT_EQ(parse_bytes("12GB"), 12'000'000'000);
  EXPECT_EQ(parse_bytes("5MB"), 5'000'000);
  EXPECT_EQ(parse_bytes("7kB"), 7'000);
  EXPECT_EQ(parse_bytes("0"), 0);
}

TEST(Bytes, AreRefusedWhenWrittenAnyOtherWay) {
  for (const char* text : {"", "GiB", "-1", "1.5GiB", "8gib", "8G", "8  GiB", "8 ", " 8", "8GiB ",
                           "0x10", "9223372036854775808", "9000000000GiB", "9223372037GB"}) {
    EXPECT_EQ(parse_bytes(text), std::nullopt) << text;
  }
}

TEST(Bytes, AreShownInTheUnitThatFits) {
  EXPECT_EQ(shown_bytes(900), "900 B");
  EXPECT_EQ(shown_bytes(1536), "1.5 KiB");
  EXPECT_EQ(shown_bytes(330 << 20), "330.0 MiB");
  EXPECT_EQ(shown_bytes(8ULL << 30), "8.00 GiB");
}

TEST(Bytes, AreRoundedUpWhereTheyAreALowerLimit) {
  EXPECT_EQ(as_mib_option(0), "0MiB");
  EXPECT_EQ(as_mib_option(1), "1MiB");
  EXPECT_EQ(as_mib_option(1 << 20), "1MiB");
  EXPECT_EQ(as_mib_option((1 << 20) + 1), "2MiB");
}

}  // namespace
}  // namespace bafa
