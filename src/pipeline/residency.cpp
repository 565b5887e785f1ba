#include "pipeline/residency.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>
#include <variant>

#include "bafa/error.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/log.h"

namespace bafa::pipeline {
namespace {

using memory::ComponentPlan;
using memory::Kind;
using memory::MemoryPlan;
using memory::Phase;
using memory::Placement;

constexpr std::uint64_t kNoLimit = memory::Ledger::kNoLimit;

const ComponentPlan* find_plan(const MemoryPlan& plan, std::string_view component) {
  const auto found = std::ranges::find(plan.components, component, &ComponentPlan::name);
  return found == plan.components.end() ? nullptr : &*found;
}

// What a network that is built takes, by the blocks in which it can come and leave.
memory::ComponentWeights weights_of(const weights::Component& component) {
  memory::ComponentWeights sum{.name = component.name(), .outside_bytes = 0, .blocks = {}};
  for (const auto& group : component.groups()) {
    if (group->name().empty()) {
      sum.outside_bytes += group->bytes();
    } else {
      sum.blocks.push_back({group->name(), group->bytes()});
    }
  }
  return sum;
}

// What the phase takes by itself: without the weights of others that may stay meanwhile.
std::uint64_t own_bytes(const MemoryPlan& plan, Phase phase) {
  std::uint64_t bytes = plan.phases[index_of(phase)].peak_bytes;
  for (const ComponentPlan& part : plan.components) {
    if (part.phase != phase && part.placement == Placement::stays) bytes -= part.weights_bytes;
  }
  return bytes;
}

std::string shown(const memory::Workload& work) {
  return std::to_string(work.width) + "x" + std::to_string(work.height) + ", batch " +
         std::to_string(work.batch);
}

}  // namespace

Residency::Residency(MemoryFacts facts, ResidencyOptions options)
    : facts_(std::move(facts)),
      options_(std::move(options)),
      charged_(options_.device->memory() ? nullptr : options_.ledger),
      store_(options_.host),
      plan_(plan_or_refuse()) {
  if (options_.budget_bytes != 0) options_.device->limit_memory(options_.budget_bytes);
}

Residency::~Residency() = default;

memory::Usage Residency::usage() const {
  memory::Usage usage = options_.ledger->usage();
  const std::optional<device::Device::Memory> counted = options_.device->memory();
  if (!counted) return usage;
  std::uint64_t weights_bytes = 0;
  for (const auto& component : components_) weights_bytes += component->present_bytes();
  weights_bytes = std::min(weights_bytes, counted->used_bytes);
  usage.by_kind[static_cast<std::size_t>(Kind::weights)] = weights_bytes;
  usage.by_kind[static_cast<std::size_t>(Kind::activations)] = counted->used_bytes - weights_bytes;
  usage.total_bytes = counted->used_bytes;
  usage.peak_bytes = counted->peak_bytes;
  return usage;
}

void Residency::reset_peak() {
  options_.ledger->reset_peak();
  options_.device->reset_peak();
}

weights::Component& Residency::component(const std::string& name) {
  const auto found =
      std::ranges::find_if(components_, [&](const auto& c) { return c->name() == name; });
  if (found != components_.end()) return **found;
  const ComponentPlan* const plan = find_plan(plan_, name);
  const bool stays = plan == nullptr || plan->placement == Placement::stays;
  device::HostStore* const store = options_.budget_bytes == 0 ? nullptr : &store_;
  return *components_.emplace_back(std::make_unique<weights::Component>(
      name, store, stays ? weights::Arrival::stay : weights::Arrival::leave, charged_));
}

bool Residency::runs(const std::string& component) const {
  return find_plan(plan_, component) != nullptr;
}

void Residency::loaded() {
  for (const auto& component : components_) {
    memory::ComponentWeights real = weights_of(*component);
    if (facts_.denoiser.name == real.name) facts_.denoiser = real;
    for (EncoderMemory& encoder : facts_.encoders) {
      if (encoder.weights.name == real.name) encoder.weights = real;
    }
    if (facts_.decoder.name == real.name) {
      facts_.decoder = {.name = real.name, .outside_bytes = real.bytes(), .blocks = {}};
    }
  }
  plan_ = plan_or_refuse();
  options_.device->give_back();  // what converting and packing took
}

memory::ModelNeeds Residency::needs(const memory::Workload& work) const {
  memory::Workload here = work;
  here.kernels = facts_.usual.kernels;
  return needs_of(facts_, here, facts_.steps);
}

MemoryPlan Residency::plan_or_refuse() const {
  const std::uint64_t budget = options_.budget_bytes == 0 ? kNoLimit : options_.budget_bytes;
  auto made = memory::plan(needs(facts_.usual), {.budget_bytes = budget, .level = options_.level});
  if (auto* const plan = std::get_if<MemoryPlan>(&made)) return std::move(*plan);
  const memory::Refusal refusal = std::get<memory::Refusal>(made);
  throw Error(ErrorCode::out_of_memory,
              facts_.name + " does not fit into " + shown_bytes(budget) + ": to " +
                  std::string(to_string(refusal.phase)) + " takes " +
                  shown_bytes(refusal.smallest_budget) + "; " + options_.budget_option +
                  as_mib_option(refusal.smallest_budget) + " would do",
              options_.budget_field);
}

// Of the phase alone: the others are planned when their time comes, and what they leave behind on
// the device until then costs nothing. When nothing fits, the leanest there is: the ledger decides.
MemoryPlan Residency::leanest_or_fitting(const Wish& wish, std::uint64_t bytes) const {
  memory::ModelNeeds all = needs(wish.work);
  for (const Phase other : memory::kPhases) {
    if (other != wish.phase) all[index_of(other)].activations = {{}};
  }
  const auto made = memory::plan(all, {.budget_bytes = bytes, .level = options_.level});
  if (const auto* const plan = std::get_if<MemoryPlan>(&made)) return *plan;
  const std::uint64_t least = std::get<memory::Refusal>(made).smallest_budget;
  return std::get<MemoryPlan>(memory::plan(all, {.budget_bytes = least, .level = options_.level}));
}

Residency::PictureNeeds Residency::needs_of_picture(const memory::Workload& work) const {
  const memory::ModelNeeds all = needs(work);
  PictureNeeds picture{.denoise_bytes = all[index_of(Phase::denoise)].activations.front().bytes,
                       .budget_bytes = 0};
  const auto made = memory::plan(all, {.budget_bytes = 0, .level = options_.level});
  if (const auto* const refusal = std::get_if<memory::Refusal>(&made)) {
    picture.budget_bytes = refusal->smallest_budget;
  }
  return picture;
}

Residency::Lease Residency::acquire(const Wish& wish) {
  CHECK(!leased_);
  const memory::Usage usage = this->usage();
  const std::uint64_t held = usage.of(Kind::activations) + usage.of(Kind::cache);
  const std::uint64_t room = options_.budget_bytes == 0
                                 ? kNoLimit
                                 : options_.budget_bytes - std::min(held, options_.budget_bytes);
  const MemoryPlan plan = leanest_or_fitting(wish, room);
  carry_out(plan, wish);
  memory::PhasePlan phase = plan.phases[index_of(wish.phase)];
  phase.peak_bytes = own_bytes(plan, wish.phase) + guests(plan, wish.phase);
  if (wish.phase == Phase::encode) phase.peak_bytes += held;  // the other phases count their own
  if (stream_) phase.peak_bytes -= 2 * phase.buffer_bytes - stream_->most_bytes();
  {
    const MutexLock lock(mutex_);
    peak_bytes_ = std::max(peak_bytes_, this->usage().peak_bytes);
  }
  reset_peak();
  leased_ = true;
  return Lease(*this, wish.phase, phase);
}

// Weights of other phases that are there: some that may stay have never been brought.
std::uint64_t Residency::guests(const MemoryPlan& plan, Phase phase) const {
  std::uint64_t bytes = 0;
  for (const auto& component : components_) {
    const ComponentPlan* const own = find_plan(plan, component->name());
    if (own != nullptr && own->phase != phase) bytes += component->present_bytes();
  }
  return bytes;
}

Residency::Lease::~Lease() { residency_.end_lease(phase_, plan_); }

void Residency::end_lease(Phase phase, const memory::PhasePlan& plan) {
  leased_ = false;
  const std::uint64_t peak = usage().peak_bytes;
  const MutexLock lock(mutex_);
  peak_bytes_ = std::max(peak_bytes_, peak);
  Measured& measured = measured_[index_of(phase)];
  measured.bytes = std::max(measured.bytes, peak);
  measured.predicted_bytes = std::max(measured.predicted_bytes, plan.peak_bytes);
  measured.level = std::max(measured.level, plan.level);
}

// What leaves does so before anything comes.
void Residency::carry_out(const MemoryPlan& plan, const Wish& wish) {
  if (options_.budget_bytes == 0) return;
  const std::string why = "to " + std::string(to_string(wish.phase)) + " " + shown(wish.work) +
                          " takes " + shown_bytes(plan.phases[index_of(wish.phase)].peak_bytes) +
                          " of " + shown_bytes(options_.budget_bytes);
  stream(plan, wish, why);
  for (const auto& component : components_) {
    const ComponentPlan* const own = find_plan(plan, component->name());
    if (own == nullptr || own->phase == wish.phase || own->placement == Placement::stays) continue;
    drop(*component, why);
  }
  for (const auto& component : components_) {
    const ComponentPlan* const own = find_plan(plan, component->name());
    if (own != nullptr && own->phase == wish.phase) bring(*component, *own, why);
  }
}

// The blocks that pass through the buffers while the phase runs; those of a stream that goes on are
// left where they are.
void Residency::stream(const MemoryPlan& plan, const Wish& wish, const std::string& why) {
  std::vector<weights::Group*> blocks;
  for (const auto& component : components_) {
    const ComponentPlan* const own = find_plan(plan, component->name());
    if (own == nullptr || own->phase != wish.phase) continue;
    const std::set<std::string> names(own->streamed_blocks.begin(), own->streamed_blocks.end());
    for (const auto& group : component->groups()) {
      if (names.contains(group->name())) blocks.push_back(group.get());
    }
  }
  if (!stream_ || stream_->blocks() != blocks) {
    stream_.reset();
    for (weights::Group* block : blocks) {
      if (!block->present()) continue;
      explain(block->name(), "leaves, to be streamed", why);
      block->leave();
    }
    if (!blocks.empty()) stream_ = std::make_unique<BlockStream>(blocks, charged_);
  }
  if (stream_) stream_->set_prefetch(wish.prefetch);
}

void Residency::drop(weights::Component& component, const std::string& why) {
  if (component.present_bytes() == 0) return;
  explain(component.name(), "leaves", why);
  for (const auto& group : component.groups()) {
    if (group->present()) group->leave();
  }
}

void Residency::bring(weights::Component& component, const ComponentPlan& plan,
                      const std::string& why) {
  const std::set<std::string> streamed(plan.streamed_blocks.begin(), plan.streamed_blocks.end());
  const device::LedgerScope scope(charged_, Kind::weights);
  bool told = false;
  for (const auto& group : component.groups()) {
    if (group->present() || streamed.contains(group->name())) continue;
    if (!told) explain(component.name(), "comes", why);
    told = true;
    group->come();
  }
}

void Residency::explain(std::string_view what, std::string_view move,
                        const std::string& why) const {
  if (options_.explain == Explain::nothing) return;
  log(spdlog::level::info,
      LogLine("memory.moved").add("weights", what).add("move", move).add("because", why));
}

void Residency::give_back() {
  CHECK(!leased_);
  stream_.reset();
  for (const auto& component : components_) {
    const ComponentPlan* const own = find_plan(plan_, component->name());
    if (own != nullptr && own->placement != Placement::stays) {
      drop(*component, "there was nothing to do, or memory ran out");
    }
  }
  options_.device->give_back();
}

MemoryReport Residency::report() const {
  const memory::Usage usage = this->usage();
  MemoryReport report{.device = options_.device_name,
                      .budget_bytes = options_.budget_bytes,
                      .level = std::string(to_string(plan_.level)),
                      .planned_bytes = plan_.peak_bytes,
                      .used_bytes = usage.total_bytes,
                      .weights_bytes = usage.of(Kind::weights),
                      .activations_bytes = usage.of(Kind::activations),
                      .cache_bytes = usage.of(Kind::cache),
                      .host_bytes = store_.bytes(),
                      .refusals = usage.refusals};
  if (options_.budget_bytes != 0) {
    report.workspace_bytes =
        options_.budget_bytes - plan_.phases[index_of(Phase::denoise)].weights_bytes;
  }
  for (const auto& component : components_) {
    const ComponentPlan* const own = find_plan(plan_, component->name());
    const Placement placement = own == nullptr ? Placement::stays : own->placement;
    report.phases_take_turns = report.phases_take_turns || placement != Placement::stays;
    report.components.push_back({.name = component->name(),
                                 .placement = std::string(to_string(placement)),
                                 .weights_bytes = component->bytes(),
                                 .present_bytes = component->present_bytes(),
                                 .copied_bytes = component->copied_bytes()});
  }
  const MutexLock lock(mutex_);
  report.peak_bytes = std::max(peak_bytes_, usage.peak_bytes);
  for (const Phase phase : memory::kPhases) {
    if (!facts_.here[index_of(phase)]) continue;
    const Measured& measured = measured_[index_of(phase)];
    report.phases.push_back({.name = std::string(to_string(phase)),
                             .level = std::string(to_string(measured.level)),
                             .predicted_bytes = measured.predicted_bytes,
                             .measured_bytes = measured.bytes});
  }
  return report;
}

}  // namespace bafa::pipeline
