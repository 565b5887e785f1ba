#include "memory/ledger.h"

#include <algorithm>
#include <string>
#include <utility>

#include "bafa/error.h"
#include "base/bytes.h"
#include "base/check.h"

namespace bafa::memory {

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::weights: return "weights";
    case Kind::activations: return "activations";
    case Kind::workspace: return "workspace";
    case Kind::cache: return "cache";
  }
  check_failed("a Kind", __FILE__, __LINE__);
}

Ledger::Reservation::Reservation(Reservation&& other) noexcept
    : ledger_(std::exchange(other.ledger_, nullptr)),
      kind_(other.kind_),
      bytes_(std::exchange(other.bytes_, 0)) {}

Ledger::Reservation& Ledger::Reservation::operator=(Reservation&& other) noexcept {
  if (this == &other) return *this;
  release();
  ledger_ = std::exchange(other.ledger_, nullptr);
  kind_ = other.kind_;
  bytes_ = std::exchange(other.bytes_, 0);
  return *this;
}

void Ledger::Reservation::release() noexcept {
  if (ledger_ != nullptr) ledger_->remove(kind_, bytes_);
  ledger_ = nullptr;
  bytes_ = 0;
}

Ledger::Reservation Ledger::reserve(Kind kind, std::uint64_t bytes) {
  if (try_add(kind, bytes)) return {*this, kind, bytes};
  throw Error(ErrorCode::out_of_memory,
              shown_bytes(bytes) + " more for " + std::string(to_string(kind)) +
                  " would go over the memory budget: " + shown_bytes(usage().total_bytes) + " of " +
                  shown_bytes(limit_bytes_) + " are in use",
              std::string(to_string(kind)));
}

bool Ledger::try_add(Kind kind, std::uint64_t bytes) {
  const MutexLock lock(mutex_);
  if (bytes > limit_bytes_ - usage_.total_bytes) {
    ++usage_.refusals;
    return false;
  }
  usage_.by_kind[static_cast<std::size_t>(kind)] += bytes;
  usage_.total_bytes += bytes;
  usage_.peak_bytes = std::max(usage_.peak_bytes, usage_.total_bytes);
  return true;
}

void Ledger::remove(Kind kind, std::uint64_t bytes) noexcept {
  const MutexLock lock(mutex_);
  std::uint64_t& used = usage_.by_kind[static_cast<std::size_t>(kind)];
  CHECK(bytes <= used);
  used -= bytes;
  usage_.total_bytes -= bytes;
}

Usage Ledger::usage() const {
  const MutexLock lock(mutex_);
  Usage copy = usage_;
  copy.limit_bytes = limit_bytes_;
  return copy;
}

void Ledger::reset_peak() {
  const MutexLock lock(mutex_);
  usage_.peak_bytes = usage_.total_bytes;
}

}  // namespace bafa::memory
