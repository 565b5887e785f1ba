// Content negotiation (RFC 9110, section 12.5.1): which of the media types that a route can answer
// with the caller likes best. Pure.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace bafa::http {

// Index into `offered` of the best match: highest quality, then most explicitly named, then first.
// An empty header accepts everything; nullopt when nothing offered is acceptable. Malformed ranges
// and qualities are skipped, as if they were not there.
std::optional<std::size_t> negotiate(std::string_view accept,
                                     std::span<const std::string_view> offered);

}  // namespace bafa::http
