#include "base/text.h"

#include <algorithm>
#include <cstdint>
#include <numeric>

namespace bafa {
namespace {

struct Character {
  char32_t code = 0;
  std::size_t bytes = 0;  // 0: not well-formed
};

// The second byte's range excludes overlong forms, surrogates and what lies beyond U+10FFFF
// (Unicode, table 3-7).
struct LeadByte {
  std::size_t bytes = 0;
  std::uint8_t second_min = 0x80;
  std::uint8_t second_max = 0xBF;
};

LeadByte classify(std::uint8_t lead) {
  if (lead < 0x80) return {.bytes = 1};
  if (lead < 0xC2) return {};
  if (lead < 0xE0) return {.bytes = 2};
  if (lead < 0xF0) {
    return {.bytes = 3,
            .second_min = static_cast<std::uint8_t>(lead == 0xE0 ? 0xA0 : 0x80),
            .second_max = static_cast<std::uint8_t>(lead == 0xED ? 0x9F : 0xBF)};
  }
  if (lead < 0xF5) {
    return {.bytes = 4,
            .second_min = static_cast<std::uint8_t>(lead == 0xF0 ? 0x90 : 0x80),
            .second_max = static_cast<std::uint8_t>(lead == 0xF4 ? 0x8F : 0xBF)};
  }
  return {};
}

Character decode(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[at + i]); };
  const LeadByte lead = classify(byte(0));
  if (lead.bytes <= 1) return {.code = byte(0), .bytes = lead.bytes};
  if (at + lead.bytes > text.size()) return {};
  if (byte(1) < lead.second_min || byte(1) > lead.second_max) return {};
  char32_t code = byte(0) & (0x7Fu >> lead.bytes);
  for (std::size_t i = 1; i < lead.bytes; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    code = (code << 6) | (byte(i) & 0x3Fu);
  }
  return {.code = code, .bytes = lead.bytes};
}

bool harms_a_message(char32_t code) {
  const bool control = code < 0x20 || (code >= 0x7F && code <= 0x9F);
  const bool line_break = code == 0x2028 || code == 0x2029;
  const bool direction = code == 0x200E || code == 0x200F || (code >= 0x202A && code <= 0x202E) ||
                         (code >= 0x2066 && code <= 0x2069);
  return control || line_break || direction;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::size_t valid_utf8_bytes(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t bytes = decode(text, at).bytes;
    if (bytes == 0) return at;
    at += bytes;
  }
  return at;
}

std::string printable(std::string_view text, std::size_t max_bytes) {
  std::string out;
  out.reserve(std::min(text.size(), max_bytes));
  std::size_t at = 0;
  while (at < text.size()) {
    const Character character = decode(text, at);
    const bool replaced = character.bytes == 0 || harms_a_message(character.code);
    const std::size_t bytes = std::max<std::size_t>(character.bytes, 1);
    const std::string_view piece = replaced ? "?" : text.substr(at, bytes);
    if (out.size() + piece.size() > max_bytes) break;
    out += piece;
    at += bytes;
  }
  return out;
}

std::string nearest_word(std::string_view word, const std::vector<std::string>& known) {
  const std::size_t limit = std::min<std::size_t>(3, std::max<std::size_t>(1, word.size() / 3));
  std::size_t best_distance = limit + 1;
  std::string_view best;
  for (const std::string& candidate : known) {
    // The difference in length is a lower bound, and keeps a hostile megabyte away from the table.
    const std::size_t shorter = std::min(word.size(), candidate.size());
    if (std::max(word.size(), candidate.size()) - shorter >= best_distance) continue;
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return std::string(best);
}

}  // namespace bafa
