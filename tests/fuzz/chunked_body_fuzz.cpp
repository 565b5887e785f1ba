// Any bytes as a chunked body: refused or decoded, the same however they are cut, never longer than
// allowed and never longer than what was sent.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http/chunked_body.h"

namespace {

using bafa::http::ChunkedDecoder;

constexpr std::size_t kMaxBody = 4096;

struct Outcome {
  bool finished = false;
  bool refused = false;
  std::size_t unread = 0;
  std::string body;
};

Outcome decode(std::string_view bytes, std::size_t piece_bytes) {
  ChunkedDecoder decoder(kMaxBody);
  Outcome outcome;
  while (!bytes.empty() && !decoder.finished() && !decoder.refusal()) {
    std::string_view piece = bytes.substr(0, piece_bytes);
    const std::size_t size = piece.size();
    decoder.feed(piece, outcome.body);
    bytes.remove_prefix(size - piece.size());
  }
  outcome.finished = decoder.finished();
  outcome.refused = decoder.refusal().has_value();
  outcome.unread = bytes.size();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Outcome whole = decode(bytes, std::string_view::npos);
  const Outcome pieces = decode(bytes, 1 + size % 5);
  if (whole.body.size() > kMaxBody || whole.body.size() > size) std::abort();
  if (whole.finished != pieces.finished || whole.refused != pieces.refused) std::abort();
  if (whole.finished && (whole.body != pieces.body || whole.unread != pieces.unread)) std::abort();
  return 0;
}
