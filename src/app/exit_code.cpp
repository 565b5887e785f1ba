#include "app/exit_code.h"

#include <array>
#include <string_view>

namespace bafa::app {
namespace {

struct Row {
  int code;
  std::string_view meaning;
};

constexpr std::array kRows = {
    Row{kOk, "done; the server has drained"},
    Row{kFailed, "failed in another way, which the message names"},
    Row{kUsage, "the command line or the request is wrong"},
    Row{kBadConfiguration, "the configuration is wrong"},
    Row{kBadModel, "the model cannot be loaded"},
    Row{kDeviceLost, "the device was lost or does not answer: start again"},
    Row{kInputOutput, "a file cannot be read or written, or the address is taken"},
    Row{kOverBudget, "nothing fits the memory budget; the message says how much would do"},
    Row{kInterrupted, "stopped by a second signal before its work was finished"},
};

}  // namespace

int exit_code_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_value:
    case ErrorCode::missing_field:
    case ErrorCode::unknown_field:
    case ErrorCode::unsupported_size:
    case ErrorCode::too_many_images:
    case ErrorCode::prompt_too_long:
    case ErrorCode::invalid_json: return kUsage;
    case ErrorCode::invalid_config: return kBadConfiguration;
    case ErrorCode::invalid_model:
    case ErrorCode::unsupported_model: return kBadModel;
    case ErrorCode::device_error: return kDeviceLost;
    case ErrorCode::io_error:
    case ErrorCode::disk_full: return kInputOutput;
    case ErrorCode::out_of_memory: return kOverBudget;
    default: return kFailed;
  }
}

std::string exit_codes_text() {
  std::string text = "Exit codes:\n";
  for (const Row& row : kRows) {
    const std::string number = std::to_string(row.code);
    text += "  " + number + std::string(5 - number.size(), ' ') + std::string(row.meaning) + "\n";
  }
  return text;
}

}  // namespace bafa::app
