// Byte-pair encoding of one word: its bytes, joined pair by pair in the order in which the pairs
// were learnt. Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units"
// (2016); equal ranks and expired pairs as in the `BPE` model of tokenizers 0.23.3. Immutable; any
// thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "text/vocabulary.h"

namespace bafa::text {

struct BytePairFiles {
  Vocabulary vocabulary;  // tokens are written in GPT-2's alphabet of printable bytes
  std::vector<std::pair<std::string, std::string>> merges;  // the first learnt comes first
  std::string source;                                       // the merges' file, for messages
};

struct BytePairOptions {
  std::string word_end{};  // stands behind the last byte of every word, in the vocabulary's tokens
  std::string unknown{};   // the token for a byte that the vocabulary lacks
};

class BytePairs {
 public:
  // Throws Error{invalid_model} when a merge is made of, or makes, a token that is no word of the
  // vocabulary, or when it lacks a byte and the unknown token too.
  BytePairs(const BytePairFiles& files, const BytePairOptions& options);

  // Appends the ids of `word`. O(n log n).
  void encode(std::string_view word, std::vector<std::int64_t>& ids) const;

 private:
  struct Merge {
    std::uint32_t rank = 0;
    std::int64_t id = 0;
  };
  struct PairHash {
    std::size_t operator()(const std::pair<std::int64_t, std::int64_t>& pair) const;
  };
  class Word;

  const Merge* find(std::int64_t left, std::int64_t right) const;

  std::array<std::int64_t, 256> bytes_{};       // ids of the bytes inside a word
  std::array<std::int64_t, 256> last_bytes_{};  // and at its end
  std::unordered_map<std::pair<std::int64_t, std::int64_t>, Merge, PairHash> merges_;
};

}  // namespace bafa::text
