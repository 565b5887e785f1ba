#include "memory/device_map.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "bafa/error.h"
#include "base/bytes.h"
#include "base/text.h"

namespace bafa::memory {
namespace {

constexpr int kMaxDevices = 64;  // of a kind
const std::string kDeviceField = "model.device";
const std::string kMapField = "model.device_map";
const std::string kBudgetsField = "memory.device_budgets";

[[noreturn]] void refuse(const std::string& field, const std::string& why) {
  throw Error(ErrorCode::invalid_config, field + ": " + why, field);
}

// N of "cuda:N" with "cuda:" as the kind.
std::optional<int> index_after(std::string_view kind, std::string_view device) {
  if (!device.starts_with(kind)) return std::nullopt;
  const std::string_view digits = device.substr(kind.size());
  int index = -1;
  const auto [end, failure] = std::from_chars(digits.begin(), digits.end(), index);
  const bool whole = failure == std::errc() && end == digits.end();
  if (!whole || index < 0 || index >= kMaxDevices) return std::nullopt;
  return index;
}

struct Entry {
  std::string_view name;
  std::string_view value;
};

Entry entry_of(std::string_view text, const std::string& field, const std::string& example) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) {
    refuse(field, printable(text) + " is not of the form " + example);
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
}

Phase phase_of(std::string_view component) {
  for (const Phase phase : kPhases) {
    if (component_of(phase) == component) return phase;
  }
  refuse(kMapField, "there is no component " + printable(component) +
                        "; what a device can be given is encoder, denoiser and decoder");
}

struct Place {
  std::string device;
  std::string field;
};

std::array<Place, kPhases.size()> places_of(const ModelConfig& model) {
  const Place fallback{device_name(model.device, kDeviceField), kDeviceField};
  std::array<Place, kPhases.size()> places;
  for (const std::string& text : model.device_map) {
    const Entry entry = entry_of(text, kMapField, "encoder=cpu");
    Place& place = places[index_of(phase_of(entry.name))];
    if (!place.device.empty()) refuse(kMapField, std::string(entry.name) + " is there twice");
    place = {device_name(entry.value, kMapField), kMapField};
  }
  for (Place& place : places) {
    if (place.device.empty()) place = fallback;
  }
  return places;
}

void read_budgets(const MemoryConfig& memory, std::vector<MappedDevice>& devices) {
  for (const std::string& text : memory.device_budgets) {
    const Entry entry = entry_of(text, kBudgetsField, "cpu=2GiB");
    const std::string name = device_name(entry.name, kBudgetsField);
    const auto device = std::ranges::find(devices, name, &MappedDevice::name);
    if (device == devices.end()) refuse(kBudgetsField, "nothing runs on " + name);
    if (device == devices.begin()) {
      refuse(kBudgetsField,
             "the budget of " + name + ", where it denoises, is memory.budget_bytes");
    }
    if (device->budget_bytes != 0) refuse(kBudgetsField, name + " is there twice");
    const std::optional<std::int64_t> bytes = parse_bytes(entry.value);
    if (!bytes || *bytes <= 0) {
      refuse(kBudgetsField, printable(entry.value) + " is not an amount such as 2GiB");
    }
    device->budget_bytes = static_cast<std::uint64_t>(*bytes);
  }
}

}  // namespace

std::string device_name(std::string_view text, const std::string& field) {
  if (text == "cpu" || index_after("cpu:", text) == 0) return "cpu";
  if (const auto index = index_after("cpu:", text)) return "cpu:" + std::to_string(*index);
  if (const auto index = index_after("cuda:", text)) return "cuda:" + std::to_string(*index);
  refuse(field, "device " + printable(text) + " is unknown; it is cpu or cuda:N");
}

int gpu_index(std::string_view device) { return index_after("cuda:", device).value_or(-1); }

std::string_view component_of(Phase phase) {
  switch (phase) {
    case Phase::encode: return "encoder";
    case Phase::denoise: return "denoiser";
    case Phase::decode: return "decoder";
  }
  return "";
}

std::vector<MappedDevice> map_devices(const ModelConfig& model, const MemoryConfig& memory) {
  const auto places = places_of(model);
  std::vector<MappedDevice> devices;
  for (const Phase phase : {Phase::denoise, Phase::encode, Phase::decode}) {
    const Place& place = places[index_of(phase)];
    auto device = std::ranges::find(devices, place.device, &MappedDevice::name);
    if (device == devices.end()) {
      device = devices.insert(devices.end(), {.name = place.device, .field = place.field});
    }
    device->phases[index_of(phase)] = true;
  }
  devices.front().budget_bytes = memory.budget_bytes;
  read_budgets(memory, devices);
  return devices;
}

}  // namespace bafa::memory
