// The residencies of a model, one for each device that a part of it runs on, each with a ledger, a
// budget and plans of its own; a model without a device map has one. Owned by the pipeline; threads
// as in residency.h.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "pipeline/residency.h"

namespace bafa::pipeline {

class Residencies {
 public:
  // Every phase runs on exactly one of them, denoising on the first.
  explicit Residencies(std::vector<std::unique_ptr<Residency>> residencies);
  Residencies(std::unique_ptr<Residency> only);  // NOLINT(google-explicit-constructor)

  Residency& of(memory::Phase phase) const;

  // As of the residency that the phase, or the component, belongs to.
  [[nodiscard]] Residency::Lease acquire(const Residency::Wish& wish) const;
  weights::Component& component(const std::string& name) const;

  void loaded();
  void give_back();

  // What one phase leaves to another: the tensor itself, or a copy on the other's device that is
  // charged there.
  at::Tensor handed_over(const at::Tensor& tensor, memory::Phase from, memory::Phase to) const;

  // Of the device where its share of the budget is the greatest.
  struct Need {
    std::uint64_t needed_bytes = 0;
    std::uint64_t budget_bytes = 0;
  };
  Need need_of_picture(const memory::Workload& work) const;

  // Of the denoiser's device, with those elsewhere in it.
  MemoryReport report() const;

 private:
  std::vector<std::unique_ptr<Residency>> residencies_;
};

}  // namespace bafa::pipeline
