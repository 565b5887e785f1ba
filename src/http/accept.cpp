#include "http/accept.h"

#include <algorithm>
#include <cctype>

namespace bafa::http {
namespace {

// How well one media type is accepted; the larger, the better.
struct Match {
  int quality = 0;      // thousandths
  int specificity = 0;  // 1: */*, 2: type/*, 3: type/subtype
};

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Takes the part before `separator` off the front of `text`.
std::string_view take_until(std::string_view& text, char separator) {
  const auto end = std::min(text.find(separator), text.size());
  const std::string_view part = trim(text.substr(0, end));
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

// qvalue = 0 or 1 with up to three decimals, in thousandths.
std::optional<int> parse_quality(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return std::nullopt;
  int value = text[0] - '0';
  if (text.size() > 1 && text[1] != '.') return std::nullopt;
  for (std::size_t i = 2; i < 5; ++i) {
    const char digit = i < text.size() ? text[i] : '0';
    if (digit < '0' || digit > '9') return std::nullopt;
    value = value * 10 + (digit - '0');
  }
  return value <= 1000 ? std::optional(value) : std::nullopt;
}

int specificity_of(std::string_view range, std::string_view type) {
  if (equal_ignoring_case(range, type)) return 3;
  if (range == "*/*") return 1;
  const auto slash = type.find('/');
  const bool whole_family = range.size() == slash + 2 && range.substr(slash) == "/*";
  return whole_family && equal_ignoring_case(range.substr(0, slash), type.substr(0, slash)) ? 2 : 0;
}

// The most specific range that names `type` decides about it.
Match match_of(std::string_view accept, std::string_view type) {
  Match best;
  while (!accept.empty()) {
    std::string_view element = take_until(accept, ',');
    const int specificity = specificity_of(take_until(element, ';'), type);
    if (specificity <= best.specificity) continue;
    std::optional<int> quality = 1000;
    while (!element.empty()) {
      const std::string_view parameter = take_until(element, ';');
      if (parameter.starts_with("q=") || parameter.starts_with("Q="))
        quality = parse_quality(parameter.substr(2));
    }
    if (quality) best = {*quality, specificity};
  }
  return best;
}

}  // namespace

std::optional<std::size_t> negotiate(std::string_view accept,
                                     std::span<const std::string_view> offered) {
  if (trim(accept).empty()) accept = "*/*";
  std::optional<std::size_t> chosen;
  Match best;
  for (std::size_t i = 0; i < offered.size(); ++i) {
    const Match match = match_of(accept, offered[i]);
    if (match.quality == 0) continue;
    const bool better = match.quality != best.quality ? match.quality > best.quality
                                                      : match.specificity > best.specificity;
    if (!chosen || better) {
      chosen = i;
      best = match;
    }
  }
  return chosen;
}

}  // namespace bafa::http
