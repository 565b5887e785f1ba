#include "base/bytes.h"

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdio>
#include <limits>

namespace bafa {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t bytes;
};

constexpr std::int64_t kKiB = 1 << 10;
constexpr std::int64_t kMiB = 1 << 20;
constexpr std::int64_t kGiB = 1 << 30;

constexpr std::array<Unit, 7> kUnits{{{"", 1},
                                      {"KiB", kKiB},
                                      {"MiB", kMiB},
                                      {"GiB", kGiB},
                                      {"kB", 1'000},
                                      {"MB", 1'000'000},
                                      {"GB", 1'000'000'000}}};

}  // namespace

std::optional<std::int64_t> parse_bytes(std::string_view text) {
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || count < 0) return std::nullopt;
  std::string_view name = text.substr(static_cast<std::size_t>(end - text.data()));
  if (name.starts_with(' ') && name.size() > 1) name.remove_prefix(1);
  for (const Unit& unit : kUnits) {
    if (unit.name != name) continue;
    if (count > std::numeric_limits<std::int64_t>::max() / unit.bytes) return std::nullopt;
    return count * unit.bytes;
  }
  return std::nullopt;
}

std::string shown_bytes(std::uint64_t bytes) {
  std::array<char, 32> text{};
  const auto amount = static_cast<double>(bytes);
  if (bytes >= kGiB) {
    std::snprintf(text.data(), text.size(), "%.2f GiB", amount / kGiB);
  } else if (bytes >= kMiB) {
    std::snprintf(text.data(), text.size(), "%.1f MiB", amount / kMiB);
  } else if (bytes >= kKiB) {
    std::snprintf(text.data(), text.size(), "%.1f KiB", amount / kKiB);
  } else {
    std::snprintf(text.data(), text.size(), "%d B", static_cast<int>(bytes));
  }
  return text.data();
}

std::string as_mib_option(std::uint64_t bytes) {
  return std::to_string(bytes / kMiB + (bytes % kMiB != 0 ? 1 : 0)) + "MiB";
}

}  // namespace bafa
