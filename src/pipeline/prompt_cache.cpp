#include "pipeline/prompt_cache.h"

#include <utility>

namespace bafa::pipeline {

std::uint64_t size_bytes(const ConditionedPrompt& prompt) {
  std::uint64_t bytes = prompt.encoded.embeds.nbytes();
  if (prompt.encoded.pooled.defined()) bytes += prompt.encoded.pooled.nbytes();
  for (const at::Tensor& tensor : prompt.prepared.tensors) bytes += tensor.nbytes();
  return bytes;
}

std::shared_ptr<const ConditionedPrompt> PromptCache::find(const PromptKey& key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->value;
}

void PromptCache::insert(const PromptKey& key, std::shared_ptr<const ConditionedPrompt> value) {
  const std::uint64_t bytes = size_bytes(*value) + 2 * key.text.value_or("").size();
  if (bytes > max_bytes_ || by_key_.contains(key)) return;
  while (bytes_ + bytes > max_bytes_) {
    bytes_ -= entries_.back().bytes;
    by_key_.erase(entries_.back().key);
    entries_.pop_back();
  }
  entries_.push_front({key, std::move(value), bytes});
  by_key_.emplace(key, entries_.begin());
  bytes_ += bytes;
}

void PromptCache::clear() {
  by_key_.clear();
  entries_.clear();
  bytes_ = 0;
}

}  // namespace bafa::pipeline
