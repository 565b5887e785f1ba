#include "text/conjuncts.h"

#include <unicode/uniset.h>
#include <unicode/utf8.h>

#include <string>

#include "bafa/error.h"
#include "text/unicode.h"

namespace bafa::text {
namespace {

// Indic_Conjunct_Break=Consonant.
constexpr char16_t kConsonants[] =
    uR"([\u0915-\u0939 \u0958-\u095F \u0978-\u097F \u0995-\u09A8 \u09AA-\u09B0 \u09B2
    \u09B6-\u09B9 \u09DC-\u09DD \u09DF \u09F0-\u09F1 \u0A95-\u0AA8 \u0AAA-\u0AB0
    \u0AB2-\u0AB3 \u0AB5-\u0AB9 \u0AF9 \u0B15-\u0B28 \u0B2A-\u0B30 \u0B32-\u0B33
    \u0B35-\u0B39 \u0B5C-\u0B5D \u0B5F \u0B71 \u0C15-\u0C28 \u0C2A-\u0C39 \u0C58-\u0C5A
    \u0D15-\u0D3A \u1000-\u102A \u103F \u1050-\u1055 \u105A-\u105D \u1061 \u1065-\u1066
    \u106E-\u1070 \u1075-\u1081 \u108E \u1780-\u17B3 \u1A20-\u1A54 \u1B0B-\u1B0C
    \u1B13-\u1B33 \u1B45-\u1B4C \u1B83-\u1BA0 \u1BAE-\u1BAF \u1BBB-\u1BBD \uA989-\uA98B
    \uA98F-\uA9B2 \uA9E0-\uA9E4 \uA9E7-\uA9EF \uA9FA-\uA9FE \uAA60-\uAA6F \uAA71-\uAA73
    \uAA7A \uAA7E-\uAA7F \uAAE0-\uAAEA \uABC0-\uABDA \x{10A00} \x{10A10}-\x{10A13}
    \x{10A15}-\x{10A17} \x{10A19}-\x{10A35} \x{11103}-\x{11126} \x{11144} \x{11147}
    \x{11380}-\x{11389} \x{1138B} \x{1138E} \x{11390}-\x{113B5} \x{11900}-\x{11906}
    \x{11909} \x{1190C}-\x{11913} \x{11915}-\x{11916} \x{11918}-\x{1192F} \x{11A00}
    \x{11A0B}-\x{11A32} \x{11A50} \x{11A5C}-\x{11A83} \x{11F04}-\x{11F10}
    \x{11F12}-\x{11F33}])";

// =Linker.
constexpr char16_t kLinkers[] =
    uR"([\u094D \u09CD \u0ACD \u0B4D \u0C4D \u0D4D \u1039 \u17D2 \u1A60 \u1B44 \u1BAB \uA9C0
    \uAAF6 \x{10A3F} \x{11133} \x{113D0} \x{1193E} \x{11A47} \x{11A99} \x{11F42}])";

// =Extend: by the name that ICU's property has, and what joined it since its edition.
constexpr char16_t kExtenders[] =
    uR"([\p{Grapheme_Cluster_Break=Extend} \u200D \u0897 \u0CC0 \u0CC7-\u0CC8 \u0CCA-\u0CCB
    \u1715 \u1734 \u1ACF-\u1ADD \u1AE0-\u1AEB \u1B3B \u1B3D \u1B43 \u1BAA \u1BF2-\u1BF3
    \uA953 \x{10D69}-\x{10D6D} \x{10EFA}-\x{10EFC} \x{111C0} \x{11235} \x{1134D} \x{113B8}
    \x{113BB}-\x{113C0} \x{113C2} \x{113C5} \x{113C7}-\x{113C9} \x{113CE}-\x{113CF}
    \x{113D2} \x{113E1}-\x{113E2} \x{116B6} \x{1193D} \x{11B60} \x{11B62}-\x{11B64}
    \x{11B66} \x{11F41} \x{11F5A} \x{1611E}-\x{16129} \x{1612D}-\x{1612F}
    \x{16FF0}-\x{16FF1} \x{1D166} \x{1D16D} \x{1E5EE}-\x{1E5EF} \x{1E6E3} \x{1E6E6}
    \x{1E6EE}-\x{1E6EF} \x{1E6F5}])";

icu::UnicodeSet made(const char16_t* pattern) {
  UErrorCode status = U_ZERO_ERROR;
  icu::UnicodeSet set(icu::UnicodeString(pattern), status);
  if (U_FAILURE(status))
    throw Error(ErrorCode::internal, std::string("ICU's sets: ") + u_errorName(status));
  set.freeze();
  return set;
}

struct Sets {
  icu::UnicodeSet consonants = made(kConsonants);
  icu::UnicodeSet linkers = made(kLinkers);
  icu::UnicodeSet extenders = made(kExtenders);
};

}  // namespace

bool goes_on_with_conjunct(std::string_view text, std::size_t at) {
  static const Sets kSets;
  std::size_t next = at;
  if (at >= text.size() ||
      !kSets.consonants.contains(static_cast<UChar32>(next_character(text, next))))
    return false;
  bool linked = false;
  while (at > 0) {
    do --at;
    while (U8_IS_TRAIL(text[at]));
    std::size_t end = at;
    const auto before = static_cast<UChar32>(next_character(text, end));
    if (kSets.linkers.contains(before))
      linked = true;
    else if (kSets.consonants.contains(before))
      return linked;
    else if (before == 0x200C || !kSets.extenders.contains(before))
      return false;
  }
  return false;
}

}  // namespace bafa::text
