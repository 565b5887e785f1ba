#include "pipeline/block_stream.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <utility>

#include "bafa/error.h"
#include "base/check.h"
#include "base/log.h"
#include "base/log_line.h"
#include "device/counting_allocator.h"

namespace bafa::pipeline {

BlockStream::BlockStream(std::vector<weights::Group*> blocks,
                         std::shared_ptr<memory::Ledger> ledger)
    : blocks_(std::move(blocks)), ledger_(std::move(ledger)) {
  CHECK(!blocks_.empty());
  for (weights::Group* block : blocks_) block->watch(this);
  thread_ = std::thread([this] { copy_blocks(); });
}

BlockStream::~BlockStream() {
  rest();
  {
    const MutexLock lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
  thread_.join();
  for (weights::Group* block : blocks_) block->watch(nullptr);
}

std::uint64_t BlockStream::most_bytes() const {
  std::uint64_t most = 0;
  for (const weights::Group* block : blocks_) {
    const weights::Group& after = successor(*block);
    most = std::max(most, block->bytes() + (&after == block ? 0 : after.bytes()));
  }
  return most;
}

void BlockStream::rest() {
  wait_for_copy();
  for (weights::Group** block : {&current_, &next_}) {
    if (*block != nullptr && (*block)->present()) (*block)->leave();
    *block = nullptr;
  }
}

void BlockStream::use(weights::Group& block) {
  if (&block == current_) return;
  wait_for_copy();
  if (next_ == &block) next_ = nullptr;
  rest();
  const device::LedgerScope scope(ledger_, memory::Kind::weights);
  block.come();
  current_ = &block;
  if (prefetch_ == Prefetch::nothing) return;
  weights::Group& after = successor(block);
  if (&after == &block) return;
  next_ = &after;
  begin_copy(after);
}

weights::Group& BlockStream::successor(const weights::Group& block) const {
  const auto here = std::ranges::find(blocks_, &block);
  CHECK(here != blocks_.end());
  return here + 1 == blocks_.end() ? *blocks_.front() : **(here + 1);
}

void BlockStream::begin_copy(weights::Group& block) {
  {
    const MutexLock lock(mutex_);
    copying_ = &block;
  }
  changed_.notify_all();
}

void BlockStream::wait_for_copy() {
  const MutexLock lock(mutex_);
  while (copying_ != nullptr) changed_.wait(mutex_);
}

void BlockStream::copy_blocks() {
  const c10::InferenceMode inference;
  const device::LedgerScope scope(ledger_, memory::Kind::weights);
  while (true) {
    weights::Group* block = nullptr;
    {
      const MutexLock lock(mutex_);
      while (copying_ == nullptr && !ended_) changed_.wait(mutex_);
      if (copying_ == nullptr) return;
      block = copying_;
    }
    // A block that does not come now is brought when it is used, once the other buffer is free; if
    // it does not come then either, that is where the error belongs.
    try {
      block->come();
    } catch (const Error& error) {
      log(spdlog::level::debug,
          LogLine("prefetch.failed").add("block", block->name()).add("reason", error.what()));
    }
    {
      const MutexLock lock(mutex_);
      copying_ = nullptr;
    }
    changed_.notify_all();
  }
}

}  // namespace bafa::pipeline
