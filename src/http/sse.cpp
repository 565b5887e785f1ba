#include "http/sse.h"

#include <charconv>

#include "base/check.h"

namespace bafa::http {

std::string to_wire(const Event& event) {
  CHECK(event.name.find_first_of("\r\n") == std::string::npos);
  CHECK(event.data.find_first_of("\r\n") == std::string::npos);
  std::string out;
  out.reserve(event.name.size() + event.data.size() + 48);
  if (event.id) out.append("id: ").append(std::to_string(*event.id)).append("\n");
  out.append("event: ").append(event.name).append("\n");
  out.append("data: ").append(event.data).append("\n\n");
  return out;
}

std::optional<std::uint64_t> parse_event_id(std::string_view text) {
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return id;
}

}  // namespace bafa::http
