#include "pipeline/prompt_cache.h"

#include <utility>

namespace bafa::pipeline {

std::uint64_t size_bytes(const ConditionedPrompt& prompt) {
  std::uint64_t bytes = prompt.encoded.embeds.nbytes();
  if (prompt.encoded.pooled.defined()) bytes += prompt.encoded.pooled.nbytes();
  for (const at::Tensor& tensor : prompt.prepared.tensors) bytes += tensor.nbytes();
  return bytes;
}

std::shared_ptr<const ConditionedPrompt> PromptCache::find(
    const std::optional<std::string>& prompt) {
  const auto found = by_prompt_.find(prompt);
  if (found == by_prompt_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->value;
}

void PromptCache::insert(const std::optional<std::string>& prompt,
                         std::shared_ptr<const ConditionedPrompt> value) {
  const std::uint64_t bytes = size_bytes(*value) + prompt.value_or("").size();
  if (bytes > max_bytes_ || by_prompt_.contains(prompt)) return;
  while (bytes_ + bytes > max_bytes_) {
    bytes_ -= entries_.back().bytes;
    by_prompt_.erase(entries_.back().prompt);
    entries_.pop_back();
  }
  entries_.push_front({prompt, std::move(value), bytes});
  by_prompt_.emplace(entries_.front().prompt, entries_.begin());
  bytes_ += bytes;
}

void PromptCache::clear() {
  by_prompt_.clear();
  entries_.clear();
  bytes_ = 0;
}

}  // namespace bafa::pipeline
