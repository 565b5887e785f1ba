#include "memory/blocks.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <utility>

namespace bafa::memory {
namespace {

// Lists of layers. In a U-Net the blocks are the parts of a level: a whole level may be a third of
// the network, and two buffers of that size would save nothing.
constexpr std::array<std::string_view, 15> kLists{"layers",
                                                  "layer",
                                                  "block",
                                                  "blocks",
                                                  "h",
                                                  "transformer_blocks",
                                                  "single_transformer_blocks",
                                                  "double_blocks",
                                                  "single_blocks",
                                                  "noise_refiner",
                                                  "context_refiner",
                                                  "resnets",
                                                  "attentions",
                                                  "downsamplers",
                                                  "upsamplers"};

bool is_list(std::string_view part) { return std::ranges::find(kLists, part) != kLists.end(); }

bool is_index(std::string_view part) {
  return !part.empty() && std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
}

// Parts whose order is not that of their names: what runs first has the smaller number.
int rank(std::string_view part) {
  if (part == "noise_refiner") return -2;
  if (part == "context_refiner") return -1;
  if (part == "single_transformer_blocks" || part == "single_blocks") return 2;
  if (part == "downsamplers" || part == "upsamplers") return 3;
  return 0;
}

// A name as something to sort by: indices as numbers, and a resnet before the attention that has
// its index.
struct Part {
  int rank = 0;
  std::uint64_t index = 0;
  std::string_view text;

  auto operator<=>(const Part&) const = default;
};

std::vector<std::string_view> split(std::string_view name) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t dot = name.find('.');
    parts.push_back(name.substr(0, dot));
    if (dot == std::string_view::npos) return parts;
    name.remove_prefix(dot + 1);
  }
}

Part index_part(std::string_view digits) {
  Part part;
  std::from_chars(digits.data(), digits.data() + digits.size(), part.index);
  return part;
}

std::vector<Part> order_of(std::string_view name) {
  std::vector<Part> order;
  const std::vector<std::string_view> parts = split(name);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const bool within_level = parts[i] == "resnets" || parts[i] == "attentions";
    if (within_level && i + 1 < parts.size()) {
      order.push_back(index_part(parts[i + 1]));
      order.push_back({.rank = parts[i] == "resnets" ? 0 : 1, .index = 0, .text = parts[i]});
      ++i;
    } else if (is_index(parts[i])) {
      order.push_back(index_part(parts[i]));
    } else {
      order.push_back({.rank = rank(parts[i]), .index = 0, .text = parts[i]});
    }
  }
  return order;
}

}  // namespace

std::string_view block_name(std::string_view tensor) {
  // Joined into one product for all blocks, once for each step.
  for (const char* joined : {".time_emb_proj.", ".adaLN_modulation."})
    if (tensor.find(joined) != std::string_view::npos) return {};
  std::size_t begin = 0;
  bool after_list = false;
  while (true) {
    const std::size_t dot = tensor.find('.', begin);
    if (dot == std::string_view::npos) return {};
    const std::string_view part = tensor.substr(begin, dot - begin);
    if (after_list && is_index(part)) return tensor.substr(0, dot);
    after_list = is_list(part);
    begin = dot + 1;
  }
}

ComponentWeights group_blocks(std::string component, const std::vector<TensorBytes>& tensors) {
  ComponentWeights weights{.name = std::move(component), .outside_bytes = 0, .blocks = {}};
  std::map<std::vector<Part>, Block> blocks;
  for (const TensorBytes& tensor : tensors) {
    const std::string_view name = block_name(tensor.name);
    if (name.empty()) {
      weights.outside_bytes += tensor.bytes;
      continue;
    }
    Block& block = blocks[order_of(name)];
    block.name = name;
    block.bytes += tensor.bytes;
  }
  for (auto& [order, block] : blocks) weights.blocks.push_back(std::move(block));
  return weights;
}

}  // namespace bafa::memory
