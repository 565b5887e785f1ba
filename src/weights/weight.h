// A network's tensors as things that can leave the device and come back, without the layers that
// use them knowing. Layers hold a Weight each; the Weights of one block make a Group, the groups of
// one network a Component, which the residency moves. A group that is away waits in a HostStore in
// the form in which it is used, oneDNN's packing included: it is written there once and from then
// on dropped and read.
//
// Threads: the device thread uses weights; come() of a group that nobody uses may run on another.
#pragma once

#include <ATen/core/Tensor.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "device/host_store.h"
#include "memory/ledger.h"
#include "weights/host_form.h"

namespace bafa::weights {

class Group;

// Told that a weight of a watched group is about to be used; must bring the group if it is away.
class GroupWatcher {
 public:
  virtual void use(Group& group) = 0;

 protected:
  ~GroupWatcher() = default;
};

// Weights that come and leave together.
class Group {
 public:
  Group(std::string name, device::HostStore* store) : name_(std::move(name)), store_(store) {}
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  const std::string& name() const { return name_; }
  std::uint64_t bytes() const { return bytes_; }  // on the device when it is there
  bool present() const { return present_; }
  std::uint64_t copied_bytes() const { return copied_bytes_; }  // by come(), since the start

  void leave();  // throws what HostStore::append() does, the first time
  // Throws Error{out_of_memory, io_error}, and is away then.
  void come();

  void watch(GroupWatcher* watcher) { watcher_ = watcher; }  // null: nobody is told

 private:
  friend class Weight;
  friend class Component;
  struct Slot {
    Group* group = nullptr;
    at::Tensor tensor;  // undefined while the group is away
    at::Tensor buffer;  // that `tensor` lies in, where it does not own its memory
    std::optional<HostForm> form;
  };

  void use() {
    if (watcher_ != nullptr) watcher_->use(*this);
  }

  const std::string name_;
  device::HostStore* const store_;  // null: never leaves
  std::vector<std::shared_ptr<Slot>> slots_;
  std::uint64_t bytes_ = 0;
  std::atomic<bool> present_ = true;  // also read by who reports
  std::atomic<std::uint64_t> copied_bytes_ = 0;
  GroupWatcher* watcher_ = nullptr;
};

// One tensor. Copies are the same tensor. Made by WeightScope::keep(); made of a plain tensor it is
// always on the device.
class Weight {
 public:
  Weight() = default;  // undefined
  explicit Weight(const at::Tensor& tensor);

  bool defined() const { return slot_ != nullptr; }

  // Valid until the device thread uses a weight of another group. Undefined when this is.
  const at::Tensor& get() const {
    if (slot_ == nullptr) return undefined();
    if (slot_->group != nullptr) slot_->group->use();
    return slot_->tensor;
  }

 private:
  friend class Component;
  static const at::Tensor& undefined();

  std::shared_ptr<Group::Slot> slot_;
};

// What becomes of the weights of a network while it is built.
enum class Arrival {
  stay,   // on the device
  leave,  // to the host at once, so that a network need not fit as a whole
};

// The groups of one network: its blocks by memory::block_name(), and "" for what is in none.
class Component {
 public:
  // A null store: nothing can leave. A ledger is charged for the network while it is built; null:
  // whatever is in force then.
  Component(std::string name, device::HostStore* store, Arrival arrival,
            std::shared_ptr<memory::Ledger> ledger = nullptr)
      : name_(std::move(name)), store_(store), arrival_(arrival), ledger_(std::move(ledger)) {}

  const std::string& name() const { return name_; }
  const std::shared_ptr<memory::Ledger>& ledger() const { return ledger_; }
  const std::vector<std::unique_ptr<Group>>& groups() const { return groups_; }
  std::uint64_t bytes() const;          // of all groups
  std::uint64_t present_bytes() const;  // of those that are on the device
  std::uint64_t copied_bytes() const;   // to the device since the start

  // A weight of the group that `tensor_name` is in. An undefined tensor is an undefined weight.
  Weight add(std::string_view tensor_name, const at::Tensor& tensor);

  // While building with Arrival::leave every group is away from its first weight on.
  Group& group(std::string_view name);

 private:
  const std::string name_;
  device::HostStore* const store_;
  const Arrival arrival_;
  const std::shared_ptr<memory::Ledger> ledger_;
  std::vector<std::unique_ptr<Group>> groups_;  // in the order of their first weights
};

}  // namespace bafa::weights
