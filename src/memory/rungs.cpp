#include "memory/rungs.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "base/check.h"

namespace bafa::memory {
namespace {

constexpr std::uint64_t kBuffers = 2;

// The number's bits from the other end: 0, 4, 2, 6, 1, 5, 3, 7. Whatever number of blocks is taken
// from the front of that order lies evenly between the others.
std::size_t spread(std::size_t index, std::size_t count) {
  std::size_t reversed = 0;
  for (std::size_t bit = 1; bit < count; bit <<= 1) {
    reversed = reversed << 1 | (index & 1);
    index >>= 1;
  }
  return reversed;
}

// The blocks in the order in which they are kept when there is room: the largest first, since the
// buffers must hold the largest of the others; of equal ones evenly spread, so that a copy runs
// behind the compute of kept blocks.
std::vector<const Block*> order_of_keeping(const PhaseNeeds& needs) {
  std::vector<const Block*> blocks;
  for (const ComponentWeights& component : needs.components) {
    for (const Block& block : component.blocks) blocks.push_back(&block);
  }
  std::vector<std::pair<std::size_t, const Block*>> order;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    order.emplace_back(spread(i, blocks.size()), blocks[i]);
  }
  std::ranges::sort(order, [](const auto& a, const auto& b) {
    if (a.second->bytes != b.second->bytes) return a.second->bytes > b.second->bytes;
    return a.first < b.first;
  });
  std::ranges::transform(order, blocks.begin(), [](const auto& entry) { return entry.second; });
  return blocks;
}

// Sums that change from rung to rung, so that a ladder of many blocks is built in linear time.
struct Streaming {
  std::uint64_t staying = 0;
  std::uint64_t passing = 0;
};

Rung streamed_rung(const Streaming& bytes, const Block& largest_passing, const PhaseNeeds& needs,
                   std::size_t kept) {
  Rung rung{
      .level = kept == 0 ? Level::streamed : Level::partial,
      .activations = {},
      .weights_bytes = bytes.staying + kBuffers * largest_passing.bytes,
      .buffer_bytes = largest_passing.bytes,
      .copied_bytes = bytes.staying + bytes.passing * static_cast<std::uint64_t>(needs.evaluations),
      .kept = kept};
  return rung;
}

}  // namespace

std::vector<Rung> rungs_of(const PhaseNeeds& needs) {
  CHECK(!needs.activations.empty() && needs.evaluations > 0);
  std::vector<Rung> rungs;
  const auto add = [&rungs](Rung rung) {
    if (rungs.empty() || rung.bytes() < rungs.back().bytes()) rungs.push_back(std::move(rung));
  };
  Streaming bytes;
  for (const ComponentWeights& component : needs.components) bytes.staying += component.bytes();
  for (const Activations& activations : needs.activations) {
    add({.level = rungs.empty() ? Level::turns : Level::sliced,
         .activations = activations,
         .weights_bytes = bytes.staying,
         .buffer_bytes = 0,
         .copied_bytes = bytes.staying,
         .kept = 0});
  }
  const Activations least = rungs.back().activations;
  const std::vector<const Block*> order = order_of_keeping(needs);
  for (std::size_t kept = order.size(); kept-- > 0;) {
    bytes.staying -= order[kept]->bytes;
    bytes.passing += order[kept]->bytes;
    Rung rung = streamed_rung(bytes, *order[kept], needs, kept);
    rung.activations = least;
    add(std::move(rung));
  }
  return rungs;
}

std::set<const Block*> streamed_blocks(const PhaseNeeds& needs, const Rung& rung) {
  if (rung.buffer_bytes == 0) return {};
  const std::vector<const Block*> order = order_of_keeping(needs);
  return {order.begin() + static_cast<std::ptrdiff_t>(rung.kept), order.end()};
}

}  // namespace bafa::memory
