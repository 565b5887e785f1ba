// A unigram model of the sentencepiece library, which reads and checks the file, knows the pieces
// and normalises. Immutable; any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace sentencepiece {
class SentencePieceProcessor;
}

namespace bafa::text {

class SentencePieceModel {
 public:
  // `bytes` of a .model file that `source` names in messages. Throws Error{invalid_model}.
  SentencePieceModel(const std::string& bytes, const std::string& source);
  ~SentencePieceModel();

  // Pieces are numbered from 0 as in the file.
  int size() const;
  const std::string& text(int piece) const;
  float score(int piece) const;  // finite
  std::optional<int> find(std::string_view text) const;

  // Whether it is a control piece or one that the model's maker defined. The library does not tell
  // the latter, so one of a single character is taken for an ordinary piece.
  bool is_added(int piece) const;

  // By the longest entries of the model's table; spaces stay as and where they are. Throws
  // Error{generation_failed} with the library's reason, as is_added() does.
  std::string normalize(std::string_view text) const;

 private:
  std::unique_ptr<sentencepiece::SentencePieceProcessor> library_;
};

}  // namespace bafa::text
