// The processor's memory as a device's: every tensor that a thread allocates within a LedgerScope
// is charged to that scope's ledger, and one that would go over its limit is refused before it is
// allocated. oneDNN's packed weights and scratch tensors come the same way. Not counted: what
// kernels keep in buffers of their own threads, and what is allocated outside any scope.
#pragma once

#include <cstdint>
#include <memory>

#include "memory/ledger.h"

namespace bafa::device {

// From then on libtorch allocates through bafa, for the life of the process. Called before the
// first tensor is made; again: nothing happens.
void install_counting_allocator();

// Charges what this thread allocates while it lives; the innermost scope counts. A tensor keeps its
// ledger alive, and is taken off it whichever thread frees it. A null ledger: nothing is charged.
// Allocating beyond the limit throws Error{out_of_memory}, and so does it when the system has no
// memory left.
class LedgerScope {
 public:
  LedgerScope(std::shared_ptr<memory::Ledger> ledger, memory::Kind kind);
  ~LedgerScope();
  LedgerScope(const LedgerScope&) = delete;
  LedgerScope& operator=(const LedgerScope&) = delete;

  struct Charge {
    std::shared_ptr<memory::Ledger> ledger;
    memory::Kind kind = memory::Kind::activations;
  };

 private:
  Charge before_;
};

}  // namespace bafa::device
