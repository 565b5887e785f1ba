// Time as a dependency, so that tests own it (tests/support/manual_clock.h). Both readings may be
// taken from any thread.
#pragma once

#include <chrono>

namespace bafa {

using MonotonicTime = std::chrono::steady_clock::time_point;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual MonotonicTime now() const = 0;  // for durations and deadlines
  virtual std::chrono::system_clock::time_point wall_now() const = 0;  // for people
};

class SystemClock final : public Clock {
 public:
  MonotonicTime now() const override { return std::chrono::steady_clock::now(); }
  std::chrono::system_clock::time_point wall_now() const override {
    return std::chrono::system_clock::now();
  }
};

}  // namespace bafa
