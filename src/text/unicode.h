// Characters as the reference takes them: transformers 5.23 on tokenizers 0.23.3, whose parts
// follow different editions of Unicode. Letters, numbers and spaces are those of 16.0 (oniguruma),
// lower case and graphemes those of 17.0 (Rust), NFC is that of 9.0 (an older crate). ICU does the
// work; what came after the edition of Debian 12's ICU (15.0) is listed here. Pure functions; any
// thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace bafa::text {

// The character at byte `at`, which moves behind it. The text is UTF-8, and `at` a beginning in it.
char32_t next_character(std::string_view text, std::size_t& at);

void append_utf8(char32_t c, std::string& text);

bool is_letter(char32_t c);          // \p{L}
bool is_number(char32_t c);          // \p{N}
bool is_space(char32_t c);           // \s
bool is_word_character(char32_t c);  // \w of Rust's regular expressions

// One character for one, except U+0130, which gives two; no rules that look at neighbours.
void append_lower(char32_t c, std::string& text);

// Composed, where Unicode 9.0 knows how: what came later stays as and where it is.
std::string nfc(std::string_view text);

// Where each extended grapheme cluster ends, as byte offsets; the last is the text's size. ICU's
// edition decides on three characters: U+113D1, U+1171E and U+11A3A.
std::vector<std::size_t> grapheme_ends(std::string_view text);

}  // namespace bafa::text
