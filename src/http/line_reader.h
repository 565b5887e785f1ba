// Gathers one CRLF line of a request from whatever pieces the network brings: the lines of the
// head, of chunk sizes and of trailers. Nothing lenient: a bare CR or LF, a control character or a
// line above its limit ends the request at once, before the line is complete.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace bafa::http {

enum class LineStatus {
  partial,    // the pieces so far are fine; more is needed
  complete,   // line() is whole, without its CRLF
  too_long,   // above the limit, its CRLF counted
  malformed,  // bare CR or LF, or a control character other than a tab
};

class LineReader {
 public:
  // Takes bytes off the front of `bytes`, to the end of the line at most. After `complete`, the
  // next call starts a new line.
  LineStatus read(std::string_view& bytes, std::size_t max_bytes);

  // Of a line that is too long, what it begins with.
  const std::string& line() const { return line_; }

 private:
  std::string line_;
  bool whole_ = false;
};

// RFC 9110 token: what a method or a field name is made of.
bool is_token(std::string_view text);

std::string_view trim_blanks(std::string_view text);  // spaces and tabs at both ends

}  // namespace bafa::http
