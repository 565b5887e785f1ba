// Conjuncts of Indic and related scripts: consonants that a sign between them, such as a virama,
// joins into one grapheme. Rule GB9c of Unicode 17.0 (UAX #29), as the reference has it; the ICU of
// Debian 12 knows it in six scripts, not in Myanmar's or Khmer's. Pure; any thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace bafa::text {

// Whether the character at byte `at` goes on with a conjunct that the text before it begins.
bool goes_on_with_conjunct(std::string_view text, std::size_t at);

}  // namespace bafa::text
