// Time that moves only when a test says so. Any thread may read and advance it.
#pragma once

#include <atomic>
#include <chrono>

#include "base/clock.h"

namespace bafa::test {

class ManualClock final : public Clock {
 public:
  MonotonicTime now() const override { return MonotonicTime{passed()}; }
  std::chrono::system_clock::time_point wall_now() const override {
    using WallClock = std::chrono::system_clock;
    return WallClock::time_point{std::chrono::duration_cast<WallClock::duration>(
        std::chrono::hours{24 * 365 * 50} + passed())};
  }

  void advance(std::chrono::nanoseconds by) { passed_ns_ += by.count(); }

 private:
  std::chrono::nanoseconds passed() const { return std::chrono::nanoseconds{passed_ns_.load()}; }

  std::atomic<std::chrono::nanoseconds::rep> passed_ns_{0};
};

}  // namespace bafa::test
