// Brings the blocks of a phase to the device one after the other while the phase runs: the one that
// is used, and behind the compute, on a thread of its own, the one that comes next. The layers know
// nothing of it; it is told when the first weight of a block is used. Owned by the residency; all
// but the copying on the device thread.
#pragma once

#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "memory/ledger.h"
#include "weights/weight.h"

namespace bafa::pipeline {

enum class Prefetch {
  next_block,  // the phase runs through all blocks in order, again and again
  nothing,     // it picks some
};

class BlockStream final : public weights::GroupWatcher {
 public:
  // The blocks in the order in which they run; at least one, all away. `ledger` is charged for
  // them.
  BlockStream(std::vector<weights::Group*> blocks, std::shared_ptr<memory::Ledger> ledger);

  // All blocks are away then, and nobody watches them.
  ~BlockStream();
  BlockStream(const BlockStream&) = delete;
  BlockStream& operator=(const BlockStream&) = delete;

  const std::vector<weights::Group*>& blocks() const { return blocks_; }
  // Of the two that are here at once: a large block's neighbour may be small.
  std::uint64_t most_bytes() const;
  void set_prefetch(Prefetch prefetch) { prefetch_ = prefetch; }

  // Takes both buffers' blocks off the device; the stream goes on with the next use.
  void rest();

  // Throws Error{out_of_memory, io_error} when the block does not come.
  void use(weights::Group& block) override;

 private:
  void copy_blocks();
  void begin_copy(weights::Group& block) EXCLUDES(mutex_);
  void wait_for_copy() EXCLUDES(mutex_);
  weights::Group& successor(const weights::Group& block) const;

  const std::vector<weights::Group*> blocks_;
  const std::shared_ptr<memory::Ledger> ledger_;
  Prefetch prefetch_ = Prefetch::next_block;
  weights::Group* current_ = nullptr;  // being used
  weights::Group* next_ = nullptr;     // coming, or here before it is used

  Mutex mutex_;
  CondVar changed_;
  weights::Group* copying_ GUARDED_BY(mutex_) = nullptr;
  bool ended_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace bafa::pipeline
