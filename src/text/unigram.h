// A unigram language model of pieces: a word becomes the pieces with the best sum of scores. Kudo,
// "Subword Regularization" (2018), as the `Unigram` model of tokenizers 0.23.3 has it. The search
// of the sentencepiece library differs: it sums in float, so that long runs like "abababab" with
// equally good ways are cut elsewhere, and never takes a control piece ("＜s＞", once normalised,
// is one). Immutable; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

namespace bafa::text {

class Unigram {
 public:
  struct Piece {
    std::int64_t id = 0;
    double score = 0;
  };
  struct Pieces {
    std::function<std::optional<Piece>(std::string_view)> find;  // by its text
    std::size_t longest = 0;                                     // bytes
    double worst = 0;  // score; 0 where all are above, so that no unknown beats a piece
  };

  // `unknown` is the id for characters that no piece has, one for any run of them.
  Unigram(Pieces pieces, std::int64_t unknown);

  // Appends the ids of `word`. O(n) in its bytes, times the characters of the longest piece.
  void encode(std::string_view word, std::vector<std::int64_t>& ids) const;

 private:
  struct Step;
  std::vector<Step> best_steps(std::string_view word) const;

  Pieces pieces_;
  std::int64_t unknown_ = 0;
  double unknown_score_ = 0;
};

}  // namespace bafa::text
