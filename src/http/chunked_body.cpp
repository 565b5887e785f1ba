#include "http/chunked_body.h"

#include <algorithm>
#include <charconv>

namespace bafa::http {
namespace {

constexpr std::size_t kMaxLineBytes = 256;  // of a chunk size with its extension, or a trailer
constexpr std::size_t kMaxSizeDigits = 15;  // always fits 64 bits
constexpr std::size_t kFreeFramingBytes = 16384;  // before the framing is weighed against the body

}  // namespace

void ChunkedDecoder::refuse(std::string message) {
  refusal_ = {.code = ErrorCode::bad_request, .message = std::move(message)};
}

void ChunkedDecoder::feed(std::string_view& bytes, std::string& body) {
  while (!finished() && !refusal_ && !bytes.empty()) {
    if (stage_ != Stage::data) {
      read_line(bytes, body.size());
      continue;
    }
    const std::size_t count = std::min<std::uint64_t>(chunk_left_, bytes.size());
    body += bytes.substr(0, count);
    bytes.remove_prefix(count);
    chunk_left_ -= count;
    if (chunk_left_ == 0) stage_ = Stage::data_end;
  }
}

void ChunkedDecoder::read_line(std::string_view& bytes, std::size_t body_bytes) {
  const std::size_t before = bytes.size();
  const LineStatus status = lines_.read(bytes, kMaxLineBytes);
  framing_bytes_ += before - bytes.size();
  if (framing_bytes_ > kFreeFramingBytes + 2 * body_bytes)
    return refuse("The chunks of the body are too small for what they carry; send larger ones.");
  if (status == LineStatus::too_long)
    return refuse("A chunk's size line or a trailer may have " + std::to_string(kMaxLineBytes) +
                  " bytes.");
  if (status == LineStatus::malformed)
    return refuse("The chunked body is broken: lines end in CR LF.");
  if (status == LineStatus::partial) return;
  if (stage_ == Stage::size_line) return on_size_line(lines_.line(), body_bytes);
  if (stage_ == Stage::trailer) return on_trailer(lines_.line());
  if (!lines_.line().empty()) return refuse("A chunk is longer than its size line said.");
  stage_ = Stage::size_line;
}

void ChunkedDecoder::on_size_line(std::string_view line, std::size_t body_bytes) {
  std::uint64_t size = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), size, 16);
  const auto digits = static_cast<std::size_t>(end - line.data());
  const std::string_view rest = trim_blanks(line.substr(digits));
  if (error != std::errc() || digits > kMaxSizeDigits || (!rest.empty() && rest.front() != ';'))
    return refuse("A chunk's size must be a hexadecimal number of bytes.");
  if (size > max_body_bytes_ - std::min(body_bytes, max_body_bytes_)) {
    refusal_ = {
        .code = ErrorCode::payload_too_large,
        .message = "A request body may have " + std::to_string(max_body_bytes_) + " bytes."};
    return;
  }
  chunk_left_ = size;
  stage_ = size == 0 ? Stage::trailer : Stage::data;
}

void ChunkedDecoder::on_trailer(std::string_view line) {
  if (line.empty()) {
    stage_ = Stage::finished;
    return;
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon)))
    refuse("A trailer must be 'Name: value'.");
}

}  // namespace bafa::http
