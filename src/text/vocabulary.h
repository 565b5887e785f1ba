// Tokens by their text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace bafa::text {

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>()(text);
  }
};

using Vocabulary = std::unordered_map<std::string, std::int64_t, TextHash, std::equal_to<>>;

}  // namespace bafa::text
