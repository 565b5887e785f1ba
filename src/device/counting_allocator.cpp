#include "device/counting_allocator.h"

#include <c10/core/Allocator.h>
#include <c10/core/impl/alloc_cpu.h>

#include <atomic>
#include <cstring>
#include <unordered_map>
#include <utility>

#include "bafa/error.h"
#include "base/bytes.h"
#include "base/mutex.h"

namespace bafa::device {
namespace {

using Charge = LedgerScope::Charge;

Charge& charge_of_thread() {
  thread_local Charge charge;
  return charge;
}

// What is charged, by address: oneDNN frees by address alone, and also what it had before the
// allocator was installed.
class Charged {
 public:
  void add(const void* data, Charge charge, std::uint64_t bytes) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    entries_.emplace(data, Entry{std::move(charge), bytes});
    count_.store(entries_.size(), std::memory_order_relaxed);
  }

  void remove(const void* data) noexcept EXCLUDES(mutex_) {
    // An address that this thread may free was added before it got there.
    if (count_.load(std::memory_order_relaxed) == 0) return;
    Entry entry;
    {
      const MutexLock lock(mutex_);
      const auto found = entries_.find(data);
      if (found == entries_.end()) return;
      entry = std::move(found->second);
      entries_.erase(found);
      count_.store(entries_.size(), std::memory_order_relaxed);
    }
    entry.charge.ledger->remove(entry.charge.kind, entry.bytes);
  }

 private:
  struct Entry {
    Charge charge;
    std::uint64_t bytes = 0;
  };

  Mutex mutex_;
  std::unordered_map<const void*, Entry> entries_ GUARDED_BY(mutex_);
  std::atomic<std::size_t> count_{0};
};

// Never destroyed: tensors may be freed by whatever ends last.
Charged& charged() {
  static auto* const kCharged = new Charged;
  return *kCharged;
}

[[noreturn]] void refuse(const Charge& charge, std::uint64_t bytes) {
  const memory::Usage usage = charge.ledger->usage();
  throw Error(ErrorCode::out_of_memory,
              shown_bytes(bytes) + " more for " + std::string(to_string(charge.kind)) +
                  " would go over the memory budget: " + shown_bytes(usage.total_bytes) + " of " +
                  shown_bytes(usage.limit_bytes) + " are in use",
              "memory.budget_bytes");
}

void free_counted(void* data) {
  charged().remove(data);
  c10::free_cpu(data);
}

class CountingAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(std::size_t bytes) override {
    void* const data = allocate_charged(bytes);
    return {data, data, &free_counted, c10::Device(c10::DeviceType::CPU)};
  }

  c10::DeleterFnPtr raw_deleter() const override { return &free_counted; }

  void copy_data(void* to, const void* from, std::size_t bytes) const override {
    std::memcpy(to, from, bytes);
  }

 private:
  static void* allocate_charged(std::size_t bytes) {
    const Charge& charge = charge_of_thread();
    if (!charge.ledger || bytes == 0) return allocate_plain(bytes);
    if (!charge.ledger->try_add(charge.kind, bytes)) refuse(charge, bytes);
    void* data = nullptr;
    try {
      data = allocate_plain(bytes);
      charged().add(data, charge, bytes);
    } catch (...) {
      charge.ledger->remove(charge.kind, bytes);
      if (data != nullptr) c10::free_cpu(data);
      throw;
    }
    return data;
  }

  static void* allocate_plain(std::size_t bytes) {
    try {
      return c10::alloc_cpu(bytes);
    } catch (const c10::Error&) {
      throw Error(ErrorCode::out_of_memory,
                  "the system has no memory left for " + shown_bytes(bytes) + " more");
    }
  }
};

}  // namespace

void install_counting_allocator() {
  static const bool kInstalled = [] {
    constexpr std::uint8_t kPriority = 255;  // above libtorch's own
    charged();
    c10::SetAllocator(c10::DeviceType::CPU, new CountingAllocator, kPriority);
    return true;
  }();
  static_cast<void>(kInstalled);
}

LedgerScope::LedgerScope(std::shared_ptr<memory::Ledger> ledger, memory::Kind kind)
    : before_(std::exchange(charge_of_thread(), {std::move(ledger), kind})) {}

LedgerScope::~LedgerScope() { charge_of_thread() = std::move(before_); }

}  // namespace bafa::device
