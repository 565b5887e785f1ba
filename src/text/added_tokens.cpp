#include "text/added_tokens.h"

#include <set>
#include <utility>

#include "bafa/error.h"
#include "base/text.h"
#include "text/unicode.h"

namespace bafa::text {
namespace {

bool begins_with_word(std::string_view text) {
  std::size_t at = 0;
  return !text.empty() && is_word_character(next_character(text, at));
}

std::size_t last_character(std::string_view text) {
  std::size_t at = text.size() - 1;
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
  return at;
}

bool ends_with_word(std::string_view text) {
  return !text.empty() && begins_with_word(text.substr(last_character(text)));
}

std::size_t spaces_at_begin(std::string_view text) {
  std::size_t end = 0;
  for (std::size_t at = 0; at < text.size() && is_space(next_character(text, at));) end = at;
  return end;
}

// Where the spaces at the end begin.
std::size_t without_spaces_at_end(std::string_view text) {
  while (!text.empty()) {
    const std::size_t last = last_character(text);
    if (spaces_at_begin(text.substr(last)) == 0) break;
    text = text.substr(0, last);
  }
  return text.size();
}

const AddedToken* longest_at(std::string_view text, const std::vector<AddedToken>& tokens) {
  const AddedToken* longest = nullptr;
  for (const AddedToken& token : tokens)
    if (text.starts_with(token.text) &&
        (longest == nullptr || token.text.size() > longest->text.size()))
      longest = &token;
  return longest;
}

// The leftmost of them, the longest of those. A refused match is stepped over whole.
void cut(std::string_view text, const std::vector<AddedToken>& tokens,
         std::vector<TextPart>& parts) {
  std::size_t done = 0;
  for (std::size_t at = 0; at < text.size();) {
    const AddedToken* token = longest_at(text.substr(at), tokens);
    if (token == nullptr) {
      ++at;
      continue;
    }
    std::size_t begin = at;
    std::size_t end = at + token->text.size();
    at = end;
    if (token->single_word &&
        (ends_with_word(text.substr(0, begin)) || begins_with_word(text.substr(end))))
      continue;
    if (token->lstrip) begin = without_spaces_at_end(text.substr(0, begin));
    if (token->rstrip) end += spaces_at_begin(text.substr(end));
    if (done < begin) parts.push_back({std::string(text.substr(done, begin - done))});
    parts.push_back({{}, token->id});
    done = end;
  }
  if (done < text.size()) parts.push_back({std::string(text.substr(done))});
}

}  // namespace

AddedTokens::AddedTokens(const std::vector<AddedToken>& tokens, Normalize normalize,
                         const std::string& source)
    : normalize_(std::move(normalize)) {
  std::set<std::pair<bool, std::string>> seen;
  for (AddedToken token : tokens) {
    if (token.normalized) token.text = normalize_(token.text);
    if (token.text.empty())
      throw Error(ErrorCode::invalid_model, source + ": an added token is empty", source);
    if (!seen.emplace(token.normalized, token.text).second)
      throw Error(ErrorCode::invalid_model,
                  source + ": two added tokens match " + printable(token.text), source);
    (token.normalized ? normalized_ : literal_).push_back(std::move(token));
  }
}

std::vector<TextPart> AddedTokens::split(std::string_view text) const {
  std::vector<TextPart> literal;
  cut(text, literal_, literal);
  std::vector<TextPart> parts;
  for (TextPart& part : literal) {
    if (part.token)
      parts.push_back(std::move(part));
    else
      cut(normalize_(part.text), normalized_, parts);
  }
  return parts;
}

}  // namespace bafa::text
