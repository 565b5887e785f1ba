#include "http/sse.h"

#include <gtest/gtest.h>

namespace bafa::http {
namespace {

TEST(ServerSentEvents, HaveAnIdANameAndOneLineOfData) {
  EXPECT_EQ(to_wire({.name = "step", .data = R"({"step":3})", .id = 5}),
            "id: 5\nevent: step\ndata: {\"step\":3}\n\n");
}

TEST(ServerSentEvents, LeaveTheLastIdAloneWithoutOne) {
  EXPECT_EQ(to_wire({.name = "queued", .data = "{}", .id = std::nullopt}),
            "event: queued\ndata: {}\n\n");
}

TEST(ServerSentEvents, ReadBackOnlyTheirOwnIds) {
  EXPECT_EQ(parse_event_id("0"), 0u);
  EXPECT_EQ(parse_event_id("18446744073709551615"), 18446744073709551615u);
  for (const char* text : {"", "-1", "+1", " 1", "1 ", "0x1", "1.0", "18446744073709551616", "a"})
    EXPECT_EQ(parse_event_id(text), std::nullopt) << text;
}

}  // namespace
}  // namespace bafa::http
