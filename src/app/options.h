// Every option of Config by name. One table (option_table.cpp) drives the configuration file,
// --set, the flags, --help and --print-config, so that none of them can know less than another.
// Used by main's thread before anything is started.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "bafa/config.h"
#include "base/json.h"

namespace bafa::app {

struct Option {
  // A number of bytes is the uint64: in a file and on the command line it may carry KiB, MiB or
  // GiB.
  using Target = std::variant<std::string*, bool*, int*, std::int64_t*, std::uint64_t*,
                              std::chrono::seconds*, std::vector<std::string>*>;

  std::string_view path;         // "queue.capacity": section and key of the configuration file
  std::string_view flag;         // "--port"; empty: only --set queue.capacity=8 reaches it
  std::string_view description;  // for --help
  Target target;
  std::int64_t min = 0;  // of numbers
  std::int64_t max = INT64_MAX;
  std::vector<std::string_view> choices = {};  // of strings; empty: any
};

// The table, bound to one Config; the config must outlive it.
std::vector<Option> options_of(Config& config);

// Each throws Error{invalid_config} that names the option and what is allowed; an unknown name gets
// the nearest known one.
void assign(Config& config, std::string_view path, std::string_view text);
void assign_all(Config& config, const Json& document, const std::string& source);
void read_config_file(Config& config, const std::filesystem::path& file);

// The whole configuration as a file: sections and keys in the table's order.
std::string to_json(const Config& config);

// One option's value as text for people: 10, 127.0.0.1, "".
std::string shown(const Option& option);

}  // namespace bafa::app
