// Which device each phase of painting runs on, and how much of its memory may be used: what
// model.device, model.device_map and the budgets of memory say together. Pure; any thread.
//
// Devices go by name: "cuda:N" is a GPU; "cpu" is the processor, and so is every "cpu:N", each with
// a ledger and a budget of its own. "cpu:0" is "cpu".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bafa/config.h"
#include "memory/needs.h"

namespace bafa::memory {

// Throws Error{invalid_config} naming the field for what is no device's name.
std::string device_name(std::string_view text, const std::string& field);

// N of "cuda:N"; -1 for a processor's name.
int gpu_index(std::string_view device);

// How a device map calls what runs in a phase: encoder, denoiser, decoder.
std::string_view component_of(Phase phase);

struct MappedDevice {
  std::string name;
  std::string field;  // of the configuration, that names it
  PhaseSet phases{};
  std::uint64_t budget_bytes = 0;  // 0: no limit
};

// The denoiser's device first, which memory.budget_bytes is for; then the others in the order of
// their phases. Throws Error{invalid_config} naming the field: for what is no device, for unknown
// components, for a component or a budget that is there twice, and for the budget of a device that
// nothing runs on or that is the denoiser's.
std::vector<MappedDevice> map_devices(const ModelConfig& model, const MemoryConfig& memory);

}  // namespace bafa::memory
