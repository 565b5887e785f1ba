#include "http/line_reader.h"

#include <algorithm>

namespace bafa::http {
namespace {

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t') || byte == 0x7f;
}

bool is_token_char(char c) {
  const bool letter_or_digit =
      (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  return letter_or_digit || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

}  // namespace

LineStatus LineReader::read(std::string_view& bytes, std::size_t max_bytes) {
  if (whole_) {
    line_.clear();
    whole_ = false;
  }
  const std::size_t newline = bytes.find('\n');
  std::string_view piece = bytes.substr(0, newline);
  const bool ends = newline != std::string_view::npos;
  bytes.remove_prefix(piece.size() + (ends ? 1 : 0));

  const std::size_t room = max_bytes - line_.size();
  const bool too_long = piece.size() + (ends ? 1 : 0) > room;
  piece = piece.substr(0, room);
  // A CR that ended the last piece may only be followed by this piece's LF.
  if (!line_.empty() && line_.back() == '\r' && !piece.empty()) return LineStatus::malformed;
  line_ += piece;
  if (!piece.empty() && piece.back() == '\r') piece.remove_suffix(1);
  if (std::any_of(piece.begin(), piece.end(), is_control)) return LineStatus::malformed;
  if (too_long) return LineStatus::too_long;
  if (!ends) return LineStatus::partial;
  if (line_.empty() || line_.back() != '\r') return LineStatus::malformed;
  line_.pop_back();
  whole_ = true;
  return LineStatus::complete;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

std::string_view trim_blanks(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace bafa::http
