// Conjuncts of Indic and related scripts: consonants that a sign between them, such as a virama,
// joins into one grapheme. Rule GB9c of Unicode 17.0 (UAX #29), as the reference has it; of ICU's
// editions the one of Debian 12 lacks the rule and later ones have it for fewer scripts. Pure; any
// thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace bafa::text {

// Whether the character at byte `at` goes on with a conjunct that the text before it begins.
bool goes_on_with_conjunct(std::string_view text, std::size_t at);

}  // namespace bafa::text
