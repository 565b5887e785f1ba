// Carries out the memory plan. A stage of the pipeline holds a Lease while it runs; with it the
// weights of its phase are on the device as far as the plan for this work says, the others as far
// as there is room. Weights leave by being dropped: what is needed again waits on the host in the
// form in which it is used. All jobs in flight share one residency.
//
//   {
//     const Residency::Lease lease = residency.acquire({Phase::encode, work});
//     ... the encoder may be used ...
//   }
//
// The plan is made anew for each lease, since pictures differ in size: a formula over the same
// facts, so that equal work gives equal plans. Owned by the pipeline; the device thread, but for
// the const methods, which any thread may call.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bafa/pipeline.h"
#include "base/mutex.h"
#include "device/counting_allocator.h"
#include "device/device.h"
#include "device/host_store.h"
#include "memory/ledger.h"
#include "memory/planner.h"
#include "pipeline/block_stream.h"
#include "pipeline/memory_facts.h"
#include "weights/weight.h"

namespace bafa::pipeline {

enum class Explain { nothing, moves };  // in the log

struct ResidencyOptions {
  std::string device_name = "cpu";
  std::string budget_field = "memory.budget_bytes";  // of the configuration
  std::string budget_option = "--budget ";           // before the amount
  std::uint64_t budget_bytes = 0;                    // 0: none, and everything stays
  std::optional<memory::Level> level;                // nothing: the first that fits
  // Charged on a CPU, with the budget as its limit; a GPU counts itself.
  std::shared_ptr<memory::Ledger> ledger;
  std::shared_ptr<const device::Device> device;
  device::HostStore::Options host;
  Explain explain = Explain::nothing;
};

class Residency {
 public:
  // Makes the first plan, for the model's usual picture. Throws Error{out_of_memory} naming the
  // smallest budget that would do.
  Residency(MemoryFacts facts, ResidencyOptions options);
  ~Residency();
  Residency(const Residency&) = delete;
  Residency& operator=(const Residency&) = delete;

  // Where a network that is being built has its weights: "unet". Charged to the ledger by whoever
  // builds it.
  weights::Component& component(const std::string& name);

  // All networks are built: plans again, with the bytes that their weights really take. Throws as
  // the constructor does.
  void loaded();

  struct Wish {
    memory::Phase phase = memory::Phase::denoise;
    memory::Workload work;
    Prefetch prefetch = Prefetch::next_block;
  };

  // Alive means on the device, which the thread's tensors are charged to meanwhile. At most one at
  // a time.
  class Lease {
   public:
    ~Lease();
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;

    // What the phase does with less of: slices, tiles, one picture after the other.
    const memory::Activations& activations() const { return plan_.activations; }

   private:
    friend class Residency;
    Lease(Residency& residency, memory::Phase phase, const memory::PhasePlan& plan)
        : residency_(residency),
          phase_(phase),
          plan_(plan),
          charged_(residency.charged_, memory::Kind::activations) {}

    Residency& residency_;
    const memory::Phase phase_;
    const memory::PhasePlan plan_;
    const device::LedgerScope charged_;
  };

  // Throws Error{out_of_memory} when the weights do not fit beside what is there already.
  [[nodiscard]] Lease acquire(const Wish& wish);

  // Takes off the device what does not always stay.
  void give_back();

  const MemoryFacts& facts() const { return facts_; }
  bool runs(const std::string& component) const;  // here
  at::Device device() const { return options_.device->torch_device(); }
  std::uint64_t budget_bytes() const { return options_.budget_bytes; }  // 0: none
  // To be charged for what the networks and the pictures take; null where the device counts.
  const std::shared_ptr<memory::Ledger>& ledger() const { return charged_; }
  const memory::MemoryPlan& plan() const { return plan_; }  // for the usual picture

  // Of one picture: what it takes while it is denoised, and the smallest budget that would do.
  struct PictureNeeds {
    std::uint64_t denoise_bytes = 0;
    std::uint64_t budget_bytes = 0;
  };
  PictureNeeds needs_of_picture(const memory::Workload& work) const;

  MemoryReport report() const EXCLUDES(mutex_);

 private:
  struct Measured {
    std::uint64_t predicted_bytes = 0;
    std::uint64_t bytes = 0;
    memory::Level level = memory::Level::resident;
  };

  memory::Usage usage() const;
  void reset_peak();
  std::uint64_t guests(const memory::MemoryPlan& plan, memory::Phase phase) const;
  memory::ModelNeeds needs(const memory::Workload& work) const;
  memory::MemoryPlan plan_or_refuse() const;
  memory::MemoryPlan leanest_or_fitting(const Wish& wish, std::uint64_t bytes) const;
  void carry_out(const memory::MemoryPlan& plan, const Wish& wish);
  void stream(const memory::MemoryPlan& plan, const Wish& wish, const std::string& why);
  void bring(weights::Component& component, const memory::ComponentPlan& plan,
             const std::string& why);
  void drop(weights::Component& component, const std::string& why);
  void explain(std::string_view what, std::string_view move, const std::string& why) const;
  void end_lease(memory::Phase phase, const memory::PhasePlan& plan) EXCLUDES(mutex_);

  MemoryFacts facts_;
  const ResidencyOptions options_;
  const std::shared_ptr<memory::Ledger> charged_;
  device::HostStore store_;
  memory::MemoryPlan plan_;
  std::vector<std::unique_ptr<weights::Component>> components_;
  std::unique_ptr<BlockStream> stream_;
  bool leased_ = false;

  mutable Mutex mutex_;
  std::array<Measured, memory::kPhases.size()> measured_ GUARDED_BY(mutex_);
  std::uint64_t peak_bytes_ GUARDED_BY(mutex_) = 0;
};

}  // namespace bafa::pipeline
