#include "memory/ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include "support/refused.h"

namespace bafa::memory {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(Ledger, CountsByKindAndRemembersItsPeak) {
  Ledger ledger(1000);
  {
    const auto weights = ledger.reserve(Kind::weights, 600);
    const auto cache = ledger.reserve(Kind::cache, 400);
    EXPECT_EQ(ledger.usage().of(Kind::weights), 600u);
    EXPECT_EQ(ledger.usage().of(Kind::cache), 400u);
    EXPECT_EQ(ledger.usage().of(Kind::activations), 0u);
    EXPECT_EQ(ledger.usage().total_bytes, 1000u);
    EXPECT_EQ(ledger.usage().limit_bytes, 1000u);
  }
  EXPECT_EQ(ledger.usage().total_bytes, 0u);
  EXPECT_EQ(ledger.usage().of(Kind::weights), 0u);
  EXPECT_EQ(ledger.usage().peak_bytes, 1000u);
  const auto kept = ledger.reserve(Kind::workspace, 7);
  ledger.reset_peak();
  EXPECT_EQ(ledger.usage().peak_bytes, 7u);
}

TEST(Ledger, RefusesTheByteThatWouldGoOverTheLimit) {
  Ledger ledger(1000);
  const auto most = ledger.reserve(Kind::weights, 999);
  EXPECT_TRUE(ledger.try_add(Kind::activations, 1));
  EXPECT_FALSE(ledger.try_add(Kind::activations, 1));
  ledger.remove(Kind::activations, 1);
  const auto refused = test::refused([&] { auto r = ledger.reserve(Kind::activations, 2); });
  EXPECT_EQ(refused.code, ErrorCode::out_of_memory);
  EXPECT_THAT(refused.message, AllOf(HasSubstr("activations"), HasSubstr("1000 B")));
  EXPECT_EQ(ledger.usage().total_bytes, 999u) << "what is refused is not counted";
  EXPECT_EQ(ledger.usage().refusals, 2u);
}

TEST(Ledger, RefusesAmountsThatWouldOverflowTheSum) {
  Ledger ledger(Ledger::kNoLimit);
  EXPECT_TRUE(ledger.try_add(Kind::weights, 10));
  EXPECT_FALSE(ledger.try_add(Kind::weights, Ledger::kNoLimit - 9));
  EXPECT_TRUE(ledger.try_add(Kind::weights, Ledger::kNoLimit - 10));
  ledger.remove(Kind::weights, Ledger::kNoLimit);
  EXPECT_EQ(ledger.usage().total_bytes, 0u);
}

TEST(Ledger, AReservationIsGivenBackOnceWhereverItWent) {
  Ledger ledger(100);
  {
    Ledger::Reservation first = ledger.reserve(Kind::cache, 30);
    Ledger::Reservation second = std::move(first);
    EXPECT_EQ(second.bytes(), 30u);
    EXPECT_EQ(first.bytes(), 0u);  // NOLINT(bugprone-use-after-move): what it promises
    second = ledger.reserve(Kind::weights, 50);
    EXPECT_EQ(ledger.usage().of(Kind::cache), 0u) << "the assigned-to one is given back";
    EXPECT_EQ(ledger.usage().total_bytes, 50u);
    second.release();
    second.release();
    EXPECT_EQ(second.bytes(), 0u);
  }
  EXPECT_EQ(ledger.usage().total_bytes, 0u);
}

TEST(Ledger, NeverGoesOverItsLimitWhoeverAsksAtOnce) {
  constexpr std::uint64_t kLimit = 1000;
  constexpr int kThreads = 4;
  Ledger ledger(kLimit);
  std::atomic<int> ready = 0;
  std::atomic<int> over = 0;
  std::atomic<std::uint64_t> refused = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const Kind kind = kKinds[static_cast<std::size_t>(t)];
      ++ready;
      while (ready < kThreads) std::this_thread::yield();
      for (std::uint64_t i = 0; i < 100'000; ++i) {
        const std::uint64_t bytes = 200 + (i * 37 + static_cast<std::uint64_t>(t)) % 300;
        if (!ledger.try_add(kind, bytes)) {
          ++refused;
          continue;
        }
        const Usage usage = ledger.usage();
        std::uint64_t sum = 0;
        for (const Kind each : kKinds) sum += usage.of(each);
        if (usage.total_bytes > kLimit || sum != usage.total_bytes) ++over;
        ledger.remove(kind, bytes);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(over, 0);
  EXPECT_EQ(ledger.usage().total_bytes, 0u);
  EXPECT_LE(ledger.usage().peak_bytes, kLimit);
  EXPECT_EQ(ledger.usage().refusals, refused);
}

}  // namespace
}  // namespace bafa::memory
