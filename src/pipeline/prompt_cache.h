// Encoded prompts, the absent one too, the most recently used ones, up to a number of bytes. Holds
// the prompts' text in memory only. Owned by the pipeline; the device thread.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "pipeline/parts.h"

namespace bafa::pipeline {

// A prompt ready for the denoiser. Shared by the cache and the generations that use it.
struct ConditionedPrompt {
  EncodedPrompt encoded;
  PreparedText prepared;
};

std::uint64_t size_bytes(const ConditionedPrompt& prompt);  // of its tensors

class PromptCache {
 public:
  explicit PromptCache(std::uint64_t max_bytes) : max_bytes_(max_bytes) {}

  // Null when it is not here.
  std::shared_ptr<const ConditionedPrompt> find(const std::optional<std::string>& prompt);

  // The least recently used leave; one that alone is above the limit is not kept.
  void insert(const std::optional<std::string>& prompt,
              std::shared_ptr<const ConditionedPrompt> value);

  void clear();
  std::uint64_t bytes() const { return bytes_; }

 private:
  struct Entry {
    std::optional<std::string> prompt;
    std::shared_ptr<const ConditionedPrompt> value;
    std::uint64_t bytes = 0;
  };

  const std::uint64_t max_bytes_;
  std::uint64_t bytes_ = 0;
  std::list<Entry> entries_;  // most recently used first
  std::unordered_map<std::optional<std::string_view>, std::list<Entry>::iterator> by_prompt_;
};

}  // namespace bafa::pipeline
