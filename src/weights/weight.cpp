#include "weights/weight.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "memory/blocks.h"

namespace bafa::weights {

void Group::leave() {
  CHECK(store_ != nullptr);
  for (const auto& slot : slots_) {
    if (!slot->form) slot->form = to_host(slot->tensor, *store_);
  }
  for (const auto& slot : slots_) {
    slot->tensor.reset();
    slot->buffer.reset();
  }
  present_ = false;
}

void Group::come() {
  if (present_) return;
  std::vector<DeviceForm> arrived;
  arrived.reserve(slots_.size());
  for (const auto& slot : slots_) arrived.push_back(to_device(*slot->form, *store_));
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    slots_[i]->tensor = std::move(arrived[i].tensor);
    slots_[i]->buffer = std::move(arrived[i].buffer);
  }
  present_ = true;
  copied_bytes_ += bytes_;
}

Weight::Weight(const at::Tensor& tensor) {
  if (!tensor.defined()) return;
  slot_ = std::make_shared<Group::Slot>();
  slot_->tensor = tensor;
}

const at::Tensor& Weight::undefined() {
  static const at::Tensor kUndefined;
  return kUndefined;
}

std::uint64_t Component::bytes() const {
  std::uint64_t sum = 0;
  for (const auto& group : groups_) sum += group->bytes();
  return sum;
}

std::uint64_t Component::present_bytes() const {
  std::uint64_t sum = 0;
  for (const auto& group : groups_) sum += group->present() ? group->bytes() : 0;
  return sum;
}

std::uint64_t Component::copied_bytes() const {
  std::uint64_t sum = 0;
  for (const auto& group : groups_) sum += group->copied_bytes();
  return sum;
}

Group& Component::group(std::string_view name) {
  const auto found =
      std::ranges::find_if(groups_, [&](const auto& g) { return g->name() == name; });
  if (found != groups_.end()) return **found;
  Group& made = *groups_.emplace_back(std::make_unique<Group>(std::string(name), store_));
  made.present_ = arrival_ == Arrival::stay;
  return made;
}

Weight Component::add(std::string_view tensor_name, const at::Tensor& tensor) {
  Weight weight(tensor);
  if (!weight.defined()) return weight;
  Group& owner = group(memory::block_name(tensor_name));
  const std::shared_ptr<Group::Slot>& slot = weight.slot_;
  slot->group = &owner;
  owner.bytes_ += device_bytes(tensor);
  if (!owner.present()) {
    CHECK(store_ != nullptr);
    slot->form = to_host(slot->tensor, *store_);
    slot->tensor.reset();
  }
  owner.slots_.push_back(slot);
  return weight;
}

}  // namespace bafa::weights
