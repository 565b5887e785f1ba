// What a GPU says of itself at one moment; absent: what it does not tell.
#pragma once

#include <cstdint>
#include <optional>

namespace bafa {

struct DeviceReadings {
  std::optional<std::uint64_t> memory_used_bytes;  // by all processes of the machine
  std::optional<std::uint64_t> memory_total_bytes;
  std::optional<double> utilization;  // 0..1: the part of the last moments in which it computed
  std::optional<double> temperature_celsius;
};

}  // namespace bafa
