// Amounts of memory as people write and read them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bafa {

// "8GiB", "512 MiB", "12GB", "1048576": whole numbers, with KiB, MiB, GiB (powers of 1024) or kB,
// MB, GB (powers of 1000). nullopt for anything else and for more than 2^63 - 1 bytes.
std::optional<std::int64_t> parse_bytes(std::string_view text);

// For tables: "12.34 GiB", "330.0 MiB", "900 B".
std::string shown_bytes(std::uint64_t bytes);

// The amount rounded up to whole MiB, as an option takes it: "3193MiB".
std::string as_mib_option(std::uint64_t bytes);

}  // namespace bafa
