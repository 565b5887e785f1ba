// How the program ends, in numbers that scripts and supervisors may rely on: one table for code,
// --help and README.
#pragma once

#include <string>

#include "bafa/error.h"

namespace bafa::app {

enum ExitCode : int {
  kOk = 0,
  kFailed = 1,
  kUsage = 2,
  kBadConfiguration = 3,
  kBadModel = 4,
  kDeviceLost = 5,
  kInputOutput = 6,
  kInterrupted = 130,  // 128 + SIGINT, as shells say it
};

ExitCode exit_code_of(ErrorCode code);

// One line a code, for --help.
std::string exit_codes_text();

}  // namespace bafa::app
