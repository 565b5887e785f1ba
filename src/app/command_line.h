// What the user typed, as one checked value a subcommand. Parsing does nothing else: no file but
// the configuration is read and nothing is printed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "bafa/config.h"
#include "bafa/request.h"
#include "memory/planner.h"

namespace bafa::app {

// Bytes per second from host to device when nobody says: about a PCI Express 3.0 slot of 16 lanes.
inline constexpr double kPlanBandwidth = 12e9;

struct ServeCommand {
  Config config;
};

struct GenerateCommand {
  Config config;
  GenerateRequest request;
  std::string output;           // its ending chooses the format; "-": standard output
  std::optional<int> quality;   // 0..100, JPEG and WebP
  std::filesystem::path trace;  // empty: none
};

struct ModelsCommand {
  std::vector<std::filesystem::path> folders;  // empty: those that ship with the program
  bool json = false;
};

struct TokenizeCommand {
  Config config;
  bool second = false;
};

struct BenchCommand {
  Config config;
  GenerateRequest request;
  int repeat = 10;
  bool memory = false;  // instead: what each way to need less memory saves and costs
  bool json = false;
};

struct PlanCommand {
  Config config;
  GenerateRequest request;                    // size, steps, guidance and count, which is the batch
  std::optional<std::uint64_t> budget_bytes;  // absent: what it takes when everything is resident
  std::optional<memory::Level> level;
  double bytes_per_second = kPlanBandwidth;
  bool json = false;
};

// Nothing to do but to print: --help, --version, --print-config, or a mistake.
struct Answer {
  int exit_code = 0;
  std::string text;
};

using Command = std::variant<ServeCommand, GenerateCommand, ModelsCommand, TokenizeCommand,
                             BenchCommand, PlanCommand, Answer>;

// `arguments` without the program's name. Throws Error{invalid_config} for wrong values of the
// configuration's options, Error{invalid_value, unsupported_size} for those of a request, and
// Error{io_error} when the configuration file cannot be read.
Command parse_command_line(const std::vector<std::string>& arguments);

// How messages of validate() name the fields of a request here.
FieldNames field_names();

std::string_view version();

}  // namespace bafa::app
