#include "text/sentencepiece_model.h"

#include <sentencepiece_processor.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include "bafa/error.h"
#include "base/text.h"
#include "text/unicode.h"

namespace bafa::text {
namespace {

// ModelProto.normalizer_spec with add_dummy_prefix, remove_extra_whitespaces and escape_whitespaces
// set to false. A message that follows another of the same field is merged into it, and the later
// values win.
constexpr std::string_view kSpacesStay("\x1a\x06\x18\0\x20\0\x28\0", 8);

[[noreturn]] void refuse(const std::string& source, const std::string& why) {
  throw Error(ErrorCode::invalid_model, source + ": not a sentencepiece model: " + why, source);
}

template <typename Status>
void expect_ok(const Status& status) {
  if (!status.ok())
    throw Error(ErrorCode::generation_failed, "sentencepiece: " + std::string(status.message()));
}

}  // namespace

SentencePieceModel::SentencePieceModel(const std::string& bytes, const std::string& source)
    : library_(std::make_unique<sentencepiece::SentencePieceProcessor>()) {
  const auto status = library_->LoadFromSerializedProto(bytes + std::string(kSpacesStay));
  if (!status.ok()) refuse(source, std::string(status.message()));
  // The last field of a file that is cut off takes the bytes behind it for its own.
  if (normalize("  ") != "  ") refuse(source, "it is cut off, or its table replaces spaces");
  for (int piece = 0; piece < size(); ++piece) {
    if (!is_utf8(text(piece))) refuse(source, "piece " + std::to_string(piece) + " is not UTF-8");
    // The library keeps control pieces apart, and lets another have the same text.
    if (find(text(piece)) != piece)
      refuse(source, "piece " + std::to_string(piece) + " has the text of another");
    // Only later editions of the library look at this.
    if (!std::isfinite(score(piece)))
      refuse(source, "the score of piece " + std::to_string(piece) + " is not finite");
  }
}

SentencePieceModel::~SentencePieceModel() = default;

int SentencePieceModel::size() const { return library_->GetPieceSize(); }

const std::string& SentencePieceModel::text(int piece) const { return library_->IdToPiece(piece); }

float SentencePieceModel::score(int piece) const { return library_->GetScore(piece); }

std::optional<int> SentencePieceModel::find(std::string_view text) const {
  const int piece = library_->PieceToId(text);
  if (library_->IsUnknown(piece) && library_->IdToPiece(piece) != text) return std::nullopt;
  return piece;
}

bool SentencePieceModel::is_added(int piece) const {
  if (library_->IsControl(piece)) return true;
  const std::string& whole = text(piece);
  std::size_t first = 0;
  next_character(whole, first);
  if (first == whole.size()) return false;
  // The library normalises a defined piece as one: each byte comes from where the piece begins.
  std::string normalized;
  std::vector<std::size_t> origins;
  expect_ok(library_->Normalize(whole, &normalized, &origins));
  return normalized == whole && origins[first] == 0;
}

std::string SentencePieceModel::normalize(std::string_view text) const {
  std::string normalized;
  expect_ok(library_->Normalize(text, &normalized));
  return normalized;
}

}  // namespace bafa::text
