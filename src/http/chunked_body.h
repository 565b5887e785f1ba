// Decodes "Transfer-Encoding: chunked" (RFC 9112, 7.1) piece by piece, in constant stack and with
// memory for the body alone: extensions and trailers are checked and dropped. Refuses a body above
// its limit before it is stored, and framing that outweighs what it carries.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/error_response.h"
#include "http/line_reader.h"

namespace bafa::http {

class ChunkedDecoder {
 public:
  explicit ChunkedDecoder(std::size_t max_body_bytes) : max_body_bytes_(max_body_bytes) {}

  // Takes bytes off the front of `bytes`, to the end of the body at most; appends to `body`.
  void feed(std::string_view& bytes, std::string& body);

  bool finished() const { return stage_ == Stage::finished; }
  const std::optional<ErrorDetails>& refusal() const { return refusal_; }

 private:
  enum class Stage { size_line, data, data_end, trailer, finished };

  void refuse(std::string message);
  void read_line(std::string_view& bytes, std::size_t body_bytes);
  void on_size_line(std::string_view line, std::size_t body_bytes);
  void on_trailer(std::string_view line);

  const std::size_t max_body_bytes_;
  LineReader lines_;
  Stage stage_ = Stage::size_line;
  std::uint64_t chunk_left_ = 0;   // bytes of the current chunk
  std::size_t framing_bytes_ = 0;  // everything that is not body
  std::optional<ErrorDetails> refusal_;
};

}  // namespace bafa::http
