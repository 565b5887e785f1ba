// Counts the bytes that are in use on one device, by kind, and never lets them exceed a limit: what
// would is refused before it is allocated. Outlives its reservations. Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

#include "base/mutex.h"

namespace bafa::memory {

enum class Kind { weights, activations, workspace, cache };

inline constexpr std::array kKinds{Kind::weights, Kind::activations, Kind::workspace, Kind::cache};

std::string_view to_string(Kind kind);

struct Usage {
  std::array<std::uint64_t, kKinds.size()> by_kind{};  // bytes in use, by Kind
  std::uint64_t total_bytes = 0;
  std::uint64_t peak_bytes = 0;  // the most that total_bytes has been since the last reset_peak()
  std::uint64_t limit_bytes = 0;
  std::uint64_t refusals = 0;  // of try_add() and reserve() since the start

  std::uint64_t of(Kind kind) const { return by_kind[static_cast<std::size_t>(kind)]; }
};

class Ledger {
 public:
  static constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

  explicit Ledger(std::uint64_t limit_bytes) : limit_bytes_(limit_bytes) {}
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  // Bytes that are given back with it. Moved from: holds nothing.
  class Reservation {
   public:
    Reservation() = default;
    ~Reservation() { release(); }
    Reservation(Reservation&& other) noexcept;
    Reservation& operator=(Reservation&& other) noexcept;
    Reservation(const Reservation&) = delete;
    Reservation& operator=(const Reservation&) = delete;

    std::uint64_t bytes() const { return bytes_; }
    void release() noexcept;

   private:
    friend class Ledger;
    Reservation(Ledger& ledger, Kind kind, std::uint64_t bytes)
        : ledger_(&ledger), kind_(kind), bytes_(bytes) {}

    Ledger* ledger_ = nullptr;
    Kind kind_ = Kind::weights;
    std::uint64_t bytes_ = 0;
  };

  // Throws Error{out_of_memory} naming what is in use and the limit; nothing is counted then.
  [[nodiscard]] Reservation reserve(Kind kind, std::uint64_t bytes) EXCLUDES(mutex_);

  // For allocators, which know when their memory goes: false, and nothing is counted, when it would
  // go over the limit. remove() takes back bytes that were added as this kind.
  [[nodiscard]] bool try_add(Kind kind, std::uint64_t bytes) EXCLUDES(mutex_);
  void remove(Kind kind, std::uint64_t bytes) noexcept EXCLUDES(mutex_);

  Usage usage() const EXCLUDES(mutex_);
  void reset_peak() EXCLUDES(mutex_);

 private:
  const std::uint64_t limit_bytes_;
  mutable Mutex mutex_;
  Usage usage_ GUARDED_BY(mutex_);  // limit_bytes is filled in by usage()
};

}  // namespace bafa::memory
