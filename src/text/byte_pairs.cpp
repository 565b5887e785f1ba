#include "text/byte_pairs.h"

#include <functional>
#include <optional>
#include <queue>

#include "bafa/error.h"
#include "base/text.h"
#include "text/unicode.h"

namespace bafa::text {
namespace {

// GPT-2's alphabet: printable bytes stand for themselves, the others follow from U+0100 on.
std::array<std::string, 256> byte_alphabet() {
  std::array<std::string, 256> alphabet;
  char32_t next = 256;
  for (unsigned byte = 0; byte < 256; ++byte) {
    const bool itself = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
    append_utf8(itself ? static_cast<char32_t>(byte) : next++, alphabet[byte]);
  }
  return alphabet;
}

[[noreturn]] void refuse(const BytePairFiles& files, const std::string& why) {
  throw Error(ErrorCode::invalid_model, files.source + ": " + why, files.source);
}

std::optional<std::int64_t> find_id(const Vocabulary& vocabulary, const std::string& token) {
  const auto found = vocabulary.find(token);
  return found == vocabulary.end() ? std::nullopt : std::optional(found->second);
}

std::int64_t require_id(const BytePairFiles& files, std::size_t merge, const std::string& token) {
  if (const auto id = find_id(files.vocabulary, token)) return *id;
  refuse(files, "merge " + std::to_string(merge + 1) + " needs the token " + printable(token) +
                    ", which the vocabulary lacks");
}

}  // namespace

std::size_t BytePairs::PairHash::operator()(
    const std::pair<std::int64_t, std::int64_t>& pair) const {
  return std::hash<std::int64_t>()(pair.first * 0x9E3779B97F4A7C15 + pair.second);
}

BytePairs::BytePairs(const BytePairFiles& files, const BytePairOptions& options) {
  const std::optional<std::int64_t> unknown = find_id(files.vocabulary, options.unknown);
  const std::array<std::string, 256> alphabet = byte_alphabet();
  const auto id_of = [&](const std::string& token) {
    if (const auto id = find_id(files.vocabulary, token)) return *id;
    if (unknown) return *unknown;
    refuse(files, "the vocabulary has neither the byte " + printable(token) +
                      " nor the unknown token " + printable(options.unknown));
  };
  for (std::size_t byte = 0; byte < 256; ++byte) {
    bytes_[byte] = id_of(alphabet[byte]);
    last_bytes_[byte] = id_of(alphabet[byte] + options.word_end);
  }
  merges_.reserve(files.merges.size());
  for (std::size_t i = 0; i < files.merges.size(); ++i) {
    const auto& [left, right] = files.merges[i];
    merges_[{require_id(files, i, left), require_id(files, i, right)}] = {
        .rank = static_cast<std::uint32_t>(i), .id = require_id(files, i, left + right)};
  }
}

const BytePairs::Merge* BytePairs::find(std::int64_t left, std::int64_t right) const {
  const auto found = merges_.find({left, right});
  return found == merges_.end() ? nullptr : &found->second;
}

// The symbols of a word as a linked list, and the pairs that may be joined, the best first.
class BytePairs::Word {
 public:
  Word(const BytePairs& pairs, std::string_view bytes) : pairs_(pairs) {
    symbols_.reserve(bytes.size());
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const auto byte = static_cast<unsigned char>(bytes[i]);
      const bool last = i + 1 == bytes.size();
      symbols_.push_back({.id = (last ? pairs.last_bytes_ : pairs.bytes_)[byte],
                          .previous = static_cast<int>(i) - 1,
                          .next = last ? -1 : static_cast<int>(i) + 1});
    }
    for (std::size_t i = 0; i + 1 < symbols_.size(); ++i) propose(static_cast<int>(i));
  }

  void join_all() {
    while (!candidates_.empty()) {
      const Candidate candidate = candidates_.top();
      candidates_.pop();
      if (is_current(candidate)) join(candidate);
    }
  }

  void append_to(std::vector<std::int64_t>& ids) const {
    for (int at = symbols_.empty() ? -1 : 0; at != -1; at = symbol(at).next)
      ids.push_back(symbol(at).id);
  }

 private:
  struct Symbol {
    std::int64_t id = 0;
    int previous = -1;
    int next = -1;
    bool joined = false;  // it is part of one before it
  };
  struct Candidate {
    Merge merge;
    int left = 0;
    bool operator<(const Candidate& other) const {  // the top of the queue is the largest
      return std::pair(merge.rank, left) > std::pair(other.merge.rank, other.left);
    }
  };

  const Symbol& symbol(int at) const { return symbols_[static_cast<std::size_t>(at)]; }
  Symbol& symbol(int at) { return symbols_[static_cast<std::size_t>(at)]; }

  void propose(int left) {
    if (left == -1 || symbol(left).next == -1) return;
    const Merge* merge = pairs_.find(symbol(left).id, symbol(symbol(left).next).id);
    if (merge != nullptr) candidates_.push({*merge, left});
  }

  // Its symbols may have been joined with others meanwhile. As in the reference, what counts is
  // whether the pair that stands there now makes the same token.
  bool is_current(const Candidate& candidate) const {
    const Symbol& left = symbol(candidate.left);
    if (left.joined || left.next == -1) return false;
    const Merge* merge = pairs_.find(left.id, symbol(left.next).id);
    return merge != nullptr && merge->id == candidate.merge.id;
  }

  void join(const Candidate& candidate) {
    Symbol& left = symbol(candidate.left);
    Symbol& right = symbol(left.next);
    left.id = candidate.merge.id;
    left.next = right.next;
    right.joined = true;
    if (left.next != -1) symbol(left.next).previous = candidate.left;
    propose(left.previous);
    propose(candidate.left);
  }

  const BytePairs& pairs_;
  std::vector<Symbol> symbols_;
  std::priority_queue<Candidate> candidates_;
};

void BytePairs::encode(std::string_view word, std::vector<std::int64_t>& ids) const {
  Word symbols(*this, word);
  symbols.join_all();
  symbols.append_to(ids);
}

}  // namespace bafa::text
