#include "pipeline/residencies.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "device/counting_allocator.h"

namespace bafa::pipeline {
namespace {

std::vector<std::unique_ptr<Residency>> one(std::unique_ptr<Residency> only) {
  std::vector<std::unique_ptr<Residency>> all;
  all.push_back(std::move(only));
  return all;
}

}  // namespace

Residencies::Residencies(std::vector<std::unique_ptr<Residency>> residencies)
    : residencies_(std::move(residencies)) {
  CHECK(!residencies_.empty());
}

Residencies::Residencies(std::unique_ptr<Residency> only) : Residencies(one(std::move(only))) {}

Residency& Residencies::of(memory::Phase phase) const {
  const auto found = std::ranges::find_if(
      residencies_, [&](const auto& each) { return each->facts().here[index_of(phase)]; });
  CHECK(found != residencies_.end());
  return **found;
}

Residency::Lease Residencies::acquire(const Residency::Wish& wish) const {
  return of(wish.phase).acquire(wish);
}

weights::Component& Residencies::component(const std::string& name) const {
  for (const auto& each : residencies_) {
    if (each->runs(name)) return each->component(name);
  }
  return residencies_.front()->component(name);
}

void Residencies::loaded() {
  for (const auto& each : residencies_) each->loaded();
}

void Residencies::give_back() {
  for (const auto& each : residencies_) each->give_back();
}

at::Tensor Residencies::handed_over(const at::Tensor& tensor, memory::Phase from,
                                    memory::Phase to) const {
  const Residency& receiver = of(to);
  if (&of(from) == &receiver || !tensor.defined()) return tensor;
  const device::LedgerScope charged(receiver.ledger(), memory::Kind::activations);
  return tensor.to(receiver.device(), tensor.scalar_type(), /*non_blocking=*/false, /*copy=*/true);
}

Residencies::Need Residencies::need_of_picture(const memory::Workload& work) const {
  Need most;
  double greatest = 0;
  for (const auto& each : residencies_) {
    const Need need{each->needs_of_picture(work).budget_bytes, each->budget_bytes()};
    const double share = need.budget_bytes == 0 ? 0
                                                : static_cast<double>(need.needed_bytes) /
                                                      static_cast<double>(need.budget_bytes);
    if (&each != &residencies_.front() && share <= greatest) continue;
    greatest = share;
    most = need;
  }
  return most;
}

MemoryReport Residencies::report() const {
  MemoryReport report = residencies_.front()->report();
  for (std::size_t i = 1; i < residencies_.size(); ++i) {
    report.elsewhere.push_back(residencies_[i]->report());
    report.phases_take_turns =
        report.phases_take_turns || report.elsewhere.back().phases_take_turns;
  }
  return report;
}

}  // namespace bafa::pipeline
