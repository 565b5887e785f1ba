// Tokens that are found as a whole in a prompt before anything else looks at it: special ones that
// someone typed, and such as were added to a vocabulary later. Works as `AddedVocabulary` of
// tokenizers 0.23.3 does. Immutable; any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bafa::text {

struct AddedToken {
  std::string text;
  std::int64_t id = 0;
  bool single_word = false;  // found only where no word goes on at its ends
  bool lstrip = false;       // takes the spaces before it along
  bool rstrip = false;       // and those behind it
  bool normalized = false;   // searched, normalised, in the normalised text
};

// A piece of normalised text, or a token in its place.
struct TextPart {
  std::string text;
  std::optional<std::int64_t> token{};
};

class AddedTokens {
 public:
  using Normalize = std::function<std::string(std::string_view)>;

  // Throws Error{invalid_model} with `source`, the file of the tokens, when two of them would match
  // the same text, or one nothing.
  AddedTokens(const std::vector<AddedToken>& tokens, Normalize normalize,
              const std::string& source);

  // The whole of `text` in its order; no text part is empty.
  std::vector<TextPart> split(std::string_view text) const;

 private:
  std::vector<AddedToken> literal_;     // searched in the text as it came
  std::vector<AddedToken> normalized_;  // in the normalised pieces that are left; `text` is too
  Normalize normalize_;
};

}  // namespace bafa::text
