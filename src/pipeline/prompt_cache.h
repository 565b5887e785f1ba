// Encoded prompts, the absent one too, the most recently used ones, up to a number of bytes. Holds
// the prompts' text in memory only. Owned by the pipeline; the device thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "pipeline/parts.h"

namespace bafa::pipeline {

// A prompt ready for the denoiser. Shared by the cache and the generations that use it.
struct ConditionedPrompt {
  EncodedPrompt encoded;
  PreparedText prepared;
};

std::uint64_t size_bytes(const ConditionedPrompt& prompt);  // of its tensors

// What a conditioning was made from.
struct PromptKey {
  std::optional<std::string> text;
  int clip_skip = 0;

  bool operator==(const PromptKey&) const = default;
};

struct PromptKeyHash {
  std::size_t operator()(const PromptKey& key) const {
    return std::hash<std::optional<std::string>>{}(key.text) ^
           static_cast<std::size_t>(key.clip_skip) << 1;
  }
};

class PromptCache {
 public:
  explicit PromptCache(std::uint64_t max_bytes) : max_bytes_(max_bytes) {}

  // Null when it is not here.
  std::shared_ptr<const ConditionedPrompt> find(const PromptKey& key);

  // The least recently used leave; one that alone is above the limit is not kept.
  void insert(const PromptKey& key, std::shared_ptr<const ConditionedPrompt> value);

  void clear();
  std::uint64_t bytes() const { return bytes_; }

 private:
  struct Entry {
    PromptKey key;
    std::shared_ptr<const ConditionedPrompt> value;
    std::uint64_t bytes = 0;
  };

  const std::uint64_t max_bytes_;
  std::uint64_t bytes_ = 0;
  std::list<Entry> entries_;  // most recently used first
  std::unordered_map<PromptKey, std::list<Entry>::iterator, PromptKeyHash> by_key_;
};

}  // namespace bafa::pipeline
