// Random values for tests of admission: few enough kinds that things coincide. The same seed gives
// the same values.
#pragma once

#include <cstdint>
#include <random>

#include "serve/admission.h"

namespace bafa::test {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}

  int up_to(int most) { return std::uniform_int_distribution<int>(0, most)(random_); }
  bool one_in(int chances) { return up_to(chances - 1) == 0; }

 private:
  std::mt19937_64 random_;
};

inline BatchKey random_key(Dice& dice) {
  const int side = 64 << dice.up_to(1);
  return {.width = side, .height = side, .guided = dice.one_in(3)};
}

inline serve::AdmissionLimits random_limits(Dice& dice) {
  return {.max_batch = 1 + dice.up_to(4),
          .workspace_bytes = dice.one_in(2) ? 0 : static_cast<std::uint64_t>(5 + dice.up_to(40)),
          .phases = dice.one_in(3) ? serve::Phases::one_at_a_time : serve::Phases::mixed};
}

}  // namespace bafa::test
