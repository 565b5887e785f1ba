// Base64 with padding (RFC 4648, section 4), for pictures inside JSON. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace bafa::http {

// Characters that base64 of `bytes` bytes takes.
constexpr std::size_t base64_length(std::size_t bytes) { return (bytes + 2) / 3 * 4; }

void append_base64(std::string& out, std::string_view bytes);
std::string base64(std::string_view bytes);

}  // namespace bafa::http
