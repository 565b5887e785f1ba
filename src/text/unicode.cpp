#include "text/unicode.h"

#include <unicode/brkiter.h>
#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/uniset.h>
#include <unicode/utext.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "bafa/error.h"
#include "text/conjuncts.h"

namespace bafa::text {
namespace {

struct Range {
  char32_t first = 0;
  char32_t last = 0;
};

// New here means: of Unicode 15.1 and later.
constexpr std::array<Range, 22> kNewLetters{{
    {0x1C89, 0x1C8A},   {0xA7CB, 0xA7CD},   {0xA7DA, 0xA7DC},   {0x105C0, 0x105F3},
    {0x10D4A, 0x10D65}, {0x10D6F, 0x10D85}, {0x10EC2, 0x10EC4}, {0x11380, 0x11389},
    {0x1138B, 0x1138B}, {0x1138E, 0x1138E}, {0x11390, 0x113B5}, {0x113B7, 0x113B7},
    {0x113D1, 0x113D1}, {0x113D3, 0x113D3}, {0x11BC0, 0x11BE0}, {0x13460, 0x143FA},
    {0x16100, 0x1611D}, {0x16D40, 0x16D6C}, {0x18CFF, 0x18CFF}, {0x1E5D0, 0x1E5ED},
    {0x1E5F0, 0x1E5F0}, {0x2EBF0, 0x2EE5D},
}};

constexpr std::array<Range, 7> kNewNumbers{{
    {0x10D40, 0x10D49},
    {0x116D0, 0x116E3},
    {0x11BF0, 0x11BF9},
    {0x16130, 0x16139},
    {0x16D70, 0x16D79},
    {0x1CCF0, 0x1CCF9},
    {0x1E5F1, 0x1E5FA},
}};

struct Lowered {
  Range upper;
  std::int32_t distance = 0;  // from an upper-case letter to its lower-case one
};

constexpr std::array<Lowered, 10> kNewLowered{{
    {{0x1C89, 0x1C89}, 1},
    {{0xA7CB, 0xA7CB}, 0x264 - 0xA7CB},
    {{0xA7CC, 0xA7CC}, 1},
    {{0xA7CE, 0xA7CE}, 1},
    {{0xA7D2, 0xA7D2}, 1},
    {{0xA7D4, 0xA7D4}, 1},
    {{0xA7DA, 0xA7DA}, 1},
    {{0xA7DC, 0xA7DC}, 0x19B - 0xA7DC},
    {{0x10D50, 0x10D65}, 0x20},
    {{0x16EA0, 0x16EB8}, 0x1B},
}};

// Marks that a grapheme goes on over.
constexpr std::array<Range, 20> kNewMarks{{
    {0x0897, 0x0897},   {0x1ACF, 0x1ADD},   {0x1AE0, 0x1AEB},   {0x10D69, 0x10D6D},
    {0x10EFA, 0x10EFC}, {0x113B8, 0x113C0}, {0x113C2, 0x113C2}, {0x113C5, 0x113C5},
    {0x113C7, 0x113CA}, {0x113CC, 0x113D0}, {0x113D2, 0x113D2}, {0x113E1, 0x113E2},
    {0x11B60, 0x11B67}, {0x11F5A, 0x11F5A}, {0x1611E, 0x1612F}, {0x1E5EE, 0x1E5EF},
    {0x1E6E3, 0x1E6E3}, {0x1E6E6, 0x1E6E6}, {0x1E6EE, 0x1E6EF}, {0x1E6F5, 0x1E6F5},
}};

bool contains(std::span<const Range> ranges, char32_t c) {
  return std::ranges::any_of(
      ranges, [c](const Range& range) { return c >= range.first && c <= range.last; });
}

UChar32 code(char32_t c) { return static_cast<UChar32>(c); }

// Whether ICU knows the character, and an edition of Unicode as old as the reference's did.
bool known_until(int edition, char32_t c) {
  UVersionInfo age{};
  u_charAge(code(c), age);
  return age[0] != 0 && age[0] <= edition;
}

bool has_category(char32_t c, std::uint32_t categories) {
  return (U_GET_GC_MASK(code(c)) & categories) != 0;
}

void expect(UErrorCode status, const char* what) {
  if (U_FAILURE(status))
    throw Error(ErrorCode::internal, std::string("ICU's ") + what + ": " + u_errorName(status));
}

// Outside its set a filtered normaliser copies, and composes nothing across: as an edition of
// Unicode that lacks those characters would.
class Nfc9 {
 public:
  Nfc9() {
    UErrorCode status = U_ZERO_ERROR;
    known_.applyPattern(u"[:age=9.0:]", status).freeze();
    const icu::Normalizer2* newest = icu::Normalizer2::getNFCInstance(status);
    expect(status, "NFC");
    normalizer_ = std::make_unique<icu::FilteredNormalizer2>(*newest, known_);
  }
  const icu::Normalizer2& operator*() const { return *normalizer_; }

 private:
  icu::UnicodeSet known_;
  std::unique_ptr<icu::FilteredNormalizer2> normalizer_;
};

// ICU's breaks, without those before a mark that it does not know yet or within a conjunct.
bool goes_on(std::string_view text, std::size_t at) {
  if (goes_on_with_conjunct(text, at)) return true;
  return at < text.size() && contains(kNewMarks, next_character(text, at));
}

}  // namespace

char32_t next_character(std::string_view text, std::size_t& at) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  UChar32 c = 0;
  U8_NEXT_OR_FFFD(bytes, at, text.size(), c);
  return static_cast<char32_t>(c);
}

void append_utf8(char32_t c, std::string& text) {
  std::array<char, U8_MAX_LENGTH> bytes{};
  std::size_t size = 0;
  U8_APPEND_UNSAFE(bytes, size, code(c));
  text.append(bytes.data(), size);
}

bool is_letter(char32_t c) {
  if (known_until(16, c)) return has_category(c, U_GC_L_MASK);
  return contains(kNewLetters, c);
}

bool is_number(char32_t c) {
  if (known_until(16, c)) return has_category(c, U_GC_N_MASK);
  return contains(kNewNumbers, c);
}

bool is_space(char32_t c) { return u_isUWhiteSpace(code(c)) != 0; }

bool is_word_character(char32_t c) {
  return is_letter(c) || has_category(c, U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK) ||
         u_hasBinaryProperty(code(c), UCHAR_ALPHABETIC) != 0 ||
         u_hasBinaryProperty(code(c), UCHAR_JOIN_CONTROL) != 0;
}

void append_lower(char32_t c, std::string& text) {
  if (c == U'\u0130') {
    text += "i\u0307";
    return;
  }
  const auto later = std::ranges::find_if(
      kNewLowered, [c](const Lowered& lowered) { return contains({&lowered.upper, 1}, c); });
  if (later != kNewLowered.end())
    append_utf8(static_cast<char32_t>(code(c) + later->distance), text);
  else
    append_utf8(known_until(17, c) ? static_cast<char32_t>(u_tolower(code(c))) : c, text);
}

std::string nfc(std::string_view text) {
  static const Nfc9 kNormalizer;
  UErrorCode status = U_ZERO_ERROR;
  const icu::StringPiece source(text.data(), static_cast<std::int32_t>(text.size()));
  const icu::UnicodeString composed =
      (*kNormalizer).normalize(icu::UnicodeString::fromUTF8(source), status);
  expect(status, "NFC");
  std::string result;
  return composed.toUTF8String(result);
}

std::vector<std::size_t> grapheme_ends(std::string_view text) {
  UErrorCode status = U_ZERO_ERROR;
  const std::unique_ptr<icu::BreakIterator> breaks(
      icu::BreakIterator::createCharacterInstance(icu::Locale::getRoot(), status));
  UText utf8 = UTEXT_INITIALIZER;
  utext_openUTF8(&utf8, text.data(), static_cast<std::int64_t>(text.size()), &status);
  expect(status, "grapheme breaks");
  breaks->setText(&utf8, status);
  utext_close(&utf8);
  expect(status, "grapheme breaks");
  std::vector<std::size_t> ends;
  for (std::int32_t at = breaks->next(); at != icu::BreakIterator::DONE; at = breaks->next())
    if (!goes_on(text, static_cast<std::size_t>(at))) ends.push_back(static_cast<std::size_t>(at));
  return ends;
}

}  // namespace bafa::text
