#include "weights/weight_map.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>
#include <malloc.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <set>
#include <sstream>
#include <utility>

#include "bafa/error.h"
#include "base/check.h"
#include "base/text.h"
#include "device/counting_allocator.h"

namespace bafa::weights {
namespace {

constexpr std::size_t kListed = 10;
// Stand-ins take no memory, but a layer may copy one into another layout: what a config can ask for
// without having it is bounded, and beyond it loading stops at once.
constexpr std::int64_t kMaxStandInElements = std::int64_t{1} << 28;

// What layers made of a tensor on their way to its packed form is free again, but the process keeps
// it for the activations to come (device/cpu_device.cpp), in holes that the next tensors do not fit
// into. While weights are loaded it goes back to the system, each time that so much was read.
constexpr std::uint64_t kReadBetweenTrims = 32 << 20;

void give_back_free_memory() {
#if defined(__GLIBC__)
  ::malloc_trim(0);
#endif
}

std::optional<at::ScalarType> scalar_type(StoredType type) {
  switch (type) {
    case StoredType::boolean: return at::kBool;
    case StoredType::u8: return at::kByte;
    case StoredType::i8: return at::kChar;
    case StoredType::i16: return at::kShort;
    case StoredType::i32: return at::kInt;
    case StoredType::i64: return at::kLong;
    case StoredType::f16: return at::kHalf;
    case StoredType::bf16: return at::kBFloat16;
    case StoredType::f32: return at::kFloat;
    case StoredType::f64: return at::kDouble;
    case StoredType::f8_e4m3:
    case StoredType::f8_e5m2:
    case StoredType::u16:
    case StoredType::u32:
    case StoredType::u64: return std::nullopt;
  }
  return std::nullopt;
}

template <typename Sizes>
std::string shape_text(const Sizes& shape) {
  std::ostringstream text;
  text << '[';
  for (std::size_t i = 0; i < shape.size(); ++i) text << (i ? "," : "") << shape[i];
  text << ']';
  return text.str();
}

// The same shape, or the same but for sizes of one at the end: old checkpoints keep the linear
// layers of an attention as 1x1 convolutions.
bool fits(at::IntArrayRef asked, const std::vector<std::int64_t>& stored) {
  if (stored.size() < asked.size()) return false;
  if (!std::equal(asked.begin(), asked.end(), stored.begin())) return false;
  return std::all_of(stored.begin() + static_cast<std::ptrdiff_t>(asked.size()), stored.end(),
                     [](std::int64_t size) { return size == 1; });
}

// "name" matches "name", "a.*", "*.b" and "a.*.b".
bool matches(std::string_view pattern, std::string_view name) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == name;
  const std::string_view head = pattern.substr(0, star);
  const std::string_view tail = pattern.substr(star + 1);
  return name.size() >= head.size() + tail.size() && name.starts_with(head) && name.ends_with(tail);
}

bool is_aligned(const std::byte* data, at::ScalarType type) {
  return reinterpret_cast<std::uintptr_t>(data) % c10::elementSize(type) == 0;
}

void list(std::ostringstream& text, const std::vector<std::string>& names, const char* what) {
  if (names.empty()) return;
  text << "; " << names.size() << ' ' << what << ": ";
  for (std::size_t i = 0; i < std::min(names.size(), kListed); ++i)
    text << (i ? ", " : "") << names[i];
  if (names.size() > kListed) text << ", ...";
}

}  // namespace

struct WeightMap::State {
  State(Checkpoint files, WeightOptions chosen)
      : checkpoint(std::move(files)), options(std::move(chosen)) {}

  Checkpoint checkpoint;
  WeightOptions options;
  std::optional<device::LedgerScope> charged;  // for as long as the network is built
  std::map<std::string, const Checkpoint::Tensor*, std::less<>> tensors;  // by renamed name
  std::set<std::string, std::less<>> used;
  std::vector<std::string> missing;  // in the order in which they were asked for
  std::vector<std::string> wrong;
  std::uint64_t loaded_bytes = 0;
  std::uint64_t read_since_trim = 0;
  std::int64_t stand_in_elements = 0;

  at::Tensor load(const std::string& name, at::IntArrayRef shape, at::ScalarType dtype);
  at::Tensor copy(const Checkpoint::Tensor& tensor, at::IntArrayRef shape, at::ScalarType stored,
                  at::ScalarType dtype) const;
  at::Tensor stand_in(at::IntArrayRef shape, at::TensorOptions options);
  void trim() {
    give_back_free_memory();
    read_since_trim = 0;
  }
  // Stand-ins are no weights: finish() will throw.
  bool has_problems() const { return !missing.empty() || !wrong.empty(); }
  [[noreturn]] void throw_problems(const std::vector<std::string>& unused) const;
};

at::Tensor WeightMap::State::copy(const Checkpoint::Tensor& tensor, at::IntArrayRef shape,
                                  at::ScalarType stored, at::ScalarType dtype) const {
  if (options.device.is_meta())
    return at::empty(shape, at::TensorOptions(options.device).dtype(dtype));
  const at::TensorOptions target = at::TensorOptions(options.device).dtype(dtype);
  const std::span<const std::byte> bytes = checkpoint.bytes(tensor);
  if (is_aligned(bytes.data(), stored) && !bytes.empty()) {
    // Read in place, so that a large tensor is not on the device in two types at once.
    void* const data = const_cast<std::byte*>(bytes.data());
    const at::Tensor mapped = at::from_blob(data, shape, at::TensorOptions(stored));
    CHECK(mapped.nbytes() == bytes.size());
    at::Tensor owned = mapped.to(target, /*non_blocking=*/false, /*copy=*/true);
    checkpoint.forget(tensor);
    return owned;
  }
  at::Tensor loaded = at::empty(shape, at::TensorOptions(stored));
  CHECK(loaded.nbytes() == bytes.size());
  if (!bytes.empty()) std::memcpy(loaded.mutable_data_ptr(), bytes.data(), bytes.size());
  checkpoint.forget(tensor);
  return loaded.to(target);
}

at::Tensor WeightMap::State::stand_in(at::IntArrayRef shape, at::TensorOptions target) {
  std::int64_t elements = 1;
  for (const std::int64_t size : shape)
    if (__builtin_mul_overflow(elements, size, &elements)) throw_problems({});
  if (__builtin_add_overflow(stand_in_elements, elements, &stand_in_elements)) throw_problems({});
  if (stand_in_elements > kMaxStandInElements) throw_problems({});
  return at::zeros({}, target).expand(shape);
}

at::Tensor WeightMap::State::load(const std::string& name, at::IntArrayRef shape,
                                  at::ScalarType dtype) {
  const at::TensorOptions target = at::TensorOptions(options.device).dtype(dtype);
  const auto found = tensors.find(name);
  if (found == tensors.end()) {
    missing.push_back(name);
    return stand_in(shape, target);
  }
  used.insert(name);
  const StoredTensor& stored = found->second->stored;
  const std::optional<at::ScalarType> type = scalar_type(stored.type);
  if (!fits(shape, stored.shape)) {
    wrong.push_back(name + " is " + shape_text(stored.shape) + " where " + shape_text(shape) +
                    " is due");
  } else if (!type || at::isFloatingType(*type) != at::isFloatingType(dtype)) {
    wrong.push_back(name + " is of type " + std::string(to_string(stored.type)));
  } else {
    if (read_since_trim >= kReadBetweenTrims) trim();
    at::Tensor loaded = copy(*found->second, shape, *type, dtype);
    loaded_bytes += loaded.nbytes();
    read_since_trim += stored.end - stored.begin;
    return loaded;
  }
  return stand_in(shape, target);
}

void WeightMap::State::throw_problems(const std::vector<std::string>& unused) const {
  std::ostringstream text;
  text << checkpoint.source() << " does not fit its config; take both from one checkpoint";
  list(text, missing, "missing");
  list(text, wrong, "wrongly shaped or typed");
  list(text, unused, "unused");
  throw Error(ErrorCode::invalid_model, text.str(), checkpoint.source());
}

WeightMap::WeightMap(Checkpoint checkpoint, WeightOptions options)
    : state_(std::make_unique<State>(std::move(checkpoint), std::move(options))) {
  const Component* const component = state_->options.component;
  if (component != nullptr && component->ledger() != nullptr) {
    state_->charged.emplace(component->ledger(), memory::Kind::weights);
  }
  for (const auto& [name, tensor] : state_->checkpoint.tensors()) {
    const std::string renamed = state_->options.rename ? state_->options.rename(name) : name;
    const bool added = state_->tensors.emplace(renamed, &tensor).second;
    if (!added)
      throw Error(ErrorCode::invalid_model,
                  state_->checkpoint.source() + ": two tensors mean " + printable(renamed, 128),
                  renamed);
  }
}

WeightMap::~WeightMap() {
  if (!state_->options.device.is_meta()) state_->trim();
}

WeightScope WeightMap::root() { return WeightScope(*state_, ""); }

void WeightMap::finish() const {
  std::vector<std::string> unused;
  for (const auto& entry : state_->tensors) {
    const std::string& name = entry.first;
    const bool ignored =
        std::any_of(state_->options.ignored.begin(), state_->options.ignored.end(),
                    [&name](const std::string& pattern) { return matches(pattern, name); });
    if (!ignored && !state_->used.contains(name)) unused.push_back(printable(name, 128));
  }
  if (state_->has_problems() || !unused.empty()) state_->throw_problems(unused);
  state_->checkpoint.require_unchanged();
}

std::uint64_t WeightMap::loaded_bytes() const { return state_->loaded_bytes; }

WeightScope WeightScope::operator/(std::string_view name) const {
  return WeightScope(*state_, name_of(name));
}

WeightScope WeightScope::operator/(std::int64_t index) const {
  return *this / std::to_string(index);
}

at::Tensor WeightScope::tensor(std::string_view name, at::IntArrayRef shape,
                               std::optional<at::ScalarType> dtype) const {
  return state_->load(name_of(name), shape, dtype.value_or(state_->options.dtype));
}

Weight WeightScope::weight(std::string_view name, at::IntArrayRef shape,
                           std::optional<at::ScalarType> dtype) const {
  const at::Tensor loaded = tensor(name, shape, dtype);
  return state_->has_problems() || state_->options.component == nullptr
             ? Weight(loaded)
             : state_->options.component->add(name_of(name), loaded);
}

Weight WeightScope::keep(const at::Tensor& tensor) const {
  return state_->has_problems() || state_->options.component == nullptr
             ? Weight(tensor)
             : state_->options.component->add(name_of("weight"), tensor);
}

WeightScope WeightScope::common(const WeightScope& other) const {
  std::string prefix = prefix_;
  const auto leads = [](const std::string& begin, const std::string& name) {
    return begin.empty() || name == begin || name.starts_with(begin + ".");
  };
  while (!leads(prefix, other.prefix_)) {
    const std::size_t dot = prefix.rfind('.');
    prefix.resize(dot == std::string::npos ? 0 : dot);
  }
  return WeightScope(*state_, std::move(prefix));
}

bool WeightScope::contains(std::string_view name) const {
  return state_->tensors.contains(name_of(name));
}

std::string WeightScope::name_of(std::string_view name) const {
  return prefix_.empty() ? std::string(name) : prefix_ + "." + std::string(name);
}

at::ScalarType WeightScope::dtype() const { return state_->options.dtype; }

at::Device WeightScope::device() const { return state_->options.device; }

}  // namespace bafa::weights
