// Any bytes as the head of a request: refused or understood, the same however they are cut, and
// what is understood keeps the promises that routes rely on.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "http/request_head.h"

namespace {

using bafa::http::HeadParser;
using bafa::http::RequestHead;

const bafa::TransportConfig kLimits;

void require(bool holds) {
  if (!holds) std::abort();
}

// Returns how many bytes it took.
std::size_t feed(HeadParser& parser, std::string_view bytes, std::size_t piece_bytes) {
  const std::size_t all = bytes.size();
  while (!bytes.empty() && !parser.finished() && !parser.refusal()) {
    std::string_view piece = bytes.substr(0, piece_bytes);
    const std::size_t size = piece.size();
    parser.feed(piece);
    bytes.remove_prefix(size - piece.size());
  }
  return all - bytes.size();
}

bool is_clean(std::string_view value) {
  return std::none_of(value.begin(), value.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
  });
}

void check(const RequestHead& head) {
  require(head.path.starts_with('/') && head.path.size() <= kLimits.max_path_bytes);
  require(bafa::http::percent_decode(head.path).has_value());
  require(!head.host.empty() && is_clean(head.host));
  require(head.headers.size() <= static_cast<std::size_t>(kLimits.max_headers));
  require(head.headers.count("Host") == 1);
  require(!(head.chunked && head.content_length));
  require(head.content_length.value_or(0) <= kLimits.max_body_bytes);
  for (const auto& field : head.headers)
    require(bafa::http::is_token(field.name) && is_clean(field.value));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  HeadParser whole(kLimits);
  HeadParser pieces(kLimits);
  const std::size_t taken = feed(whole, bytes, std::string_view::npos);
  const std::size_t taken_in_pieces = feed(pieces, bytes, 1 + size % 7);
  require(whole.finished() == pieces.finished());
  require(whole.refusal().has_value() == pieces.refusal().has_value());
  if (!whole.finished()) return 0;
  require(taken == taken_in_pieces && taken <= kLimits.max_header_bytes);
  check(whole.head());
  return 0;
}
