// Server-sent events (WHATWG HTML, section 9.2) as bytes. Data is one line of JSON, so no field
// needs splitting. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bafa::http {

struct Event {
  std::string name;                 // no line breaks
  std::string data;                 // one line
  std::optional<std::uint64_t> id;  // what Last-Event-ID will say; absent: leaves it as it was

  friend bool operator==(const Event&, const Event&) = default;
};

std::string to_wire(const Event& event);

inline constexpr std::string_view kHeartbeat = ": heartbeat\n\n";
inline constexpr std::string_view kDone = "data: [DONE]\n\n";  // how OpenAI's streams end

// The id of a Last-Event-ID header; nullopt for anything but one of ours.
std::optional<std::uint64_t> parse_event_id(std::string_view text);

}  // namespace bafa::http
