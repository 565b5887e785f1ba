#include "text/unigram.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "text/unicode.h"

namespace bafa::text {
namespace {

constexpr double kUnknownPenalty = 10;  // below the worst piece
constexpr std::size_t kNowhere = std::numeric_limits<std::size_t>::max();

}  // namespace

// The last piece of the best way to a place in the word.
struct Unigram::Step {
  std::int64_t id = 0;
  double score = 0;              // of the whole way
  std::size_t begin = kNowhere;  // of this piece

  // Of equally good ways the first stays.
  void offer(const Step& other) {
    if (begin == kNowhere || other.score > score) *this = other;
  }
};

Unigram::Unigram(Pieces pieces, std::int64_t unknown)
    : pieces_(std::move(pieces)),
      unknown_(unknown),
      unknown_score_(pieces_.worst - kUnknownPenalty) {}

std::vector<Unigram::Step> Unigram::best_steps(std::string_view word) const {
  std::vector<Step> steps(word.size() + 1);
  for (std::size_t begin = 0; begin < word.size();) {
    const double so_far = steps[begin].score;
    std::size_t next = begin;
    next_character(word, next);
    for (std::size_t end = next; end - begin <= pieces_.longest; next_character(word, end)) {
      if (const auto piece = pieces_.find(word.substr(begin, end - begin)))
        steps[end].offer({.id = piece->id, .score = piece->score + so_far, .begin = begin});
      if (end == word.size()) break;
    }
    steps[next].offer({.id = unknown_, .score = unknown_score_ + so_far, .begin = begin});
    begin = next;
  }
  return steps;
}

void Unigram::encode(std::string_view word, std::vector<std::int64_t>& ids) const {
  const std::vector<Step> steps = best_steps(word);
  const std::size_t first = ids.size();
  for (std::size_t end = word.size(); end > 0;) {
    std::size_t begin = steps[end].begin;
    const std::int64_t id = steps[end].id;
    if (id == unknown_)
      while (begin > 0 && steps[begin].id == unknown_) begin = steps[begin].begin;
    ids.push_back(id);
    end = begin;
  }
  std::reverse(ids.begin() + static_cast<std::ptrdiff_t>(first), ids.end());
}

}  // namespace bafa::text
