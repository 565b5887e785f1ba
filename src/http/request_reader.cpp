#include "http/request_reader.h"

#include <algorithm>

#include "base/check.h"

namespace bafa::http {

void RequestReader::feed(std::string_view& bytes) {
  if (stage_ == Stage::head) return feed_head(bytes);
  if (stage_ == Stage::body) feed_body(bytes);
}

void RequestReader::feed_head(std::string_view& bytes) {
  head_.feed(bytes);
  if (head_.refusal()) return refuse(*head_.refusal());
  if (head_.finished()) stage_ = Stage::head_read;
}

void RequestReader::expect_body() {
  CHECK(stage_ == Stage::head_read);
  stage_ = head().has_body() ? Stage::body : Stage::complete;
  if (head().chunked) chunks_.emplace(limits_.max_body_bytes);
}

void RequestReader::feed_body(std::string_view& bytes) {
  if (chunks_) {
    chunks_->feed(bytes, body_);
    if (chunks_->refusal()) return refuse(*chunks_->refusal());
    if (chunks_->finished()) stage_ = Stage::complete;
    return;
  }
  const std::size_t wanted = *head().content_length - body_.size();
  const std::size_t count = std::min(wanted, bytes.size());
  body_ += bytes.substr(0, count);
  bytes.remove_prefix(count);
  if (count == wanted) stage_ = Stage::complete;
}

void RequestReader::refuse(const ErrorDetails& why) {
  refusal_ = why;
  stage_ = Stage::refused;
}

}  // namespace bafa::http
