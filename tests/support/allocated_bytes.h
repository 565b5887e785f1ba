// What a piece of code has alive at once of libtorch's memory on the CPU.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "device/counting_allocator.h"
#include "memory/ledger.h"

namespace bafa::test {

// The most bytes that `run` had alive of what it allocated on this thread.
inline std::int64_t peak_bytes(const std::function<void()>& run) {
  device::install_counting_allocator();
  const auto ledger = std::make_shared<memory::Ledger>(memory::Ledger::kNoLimit);
  const device::LedgerScope counted(ledger, memory::Kind::activations);
  run();
  return static_cast<std::int64_t>(ledger->usage().peak_bytes);
}

}  // namespace bafa::test
