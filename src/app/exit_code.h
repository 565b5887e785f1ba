// How the program ends, in numbers that scripts and supervisors may rely on: one table for code,
// --help and README.
#pragma once

#include <string>

#include "bafa/error.h"

namespace bafa::app {

inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;
inline constexpr int kUsage = 2;
inline constexpr int kBadConfiguration = 3;
inline constexpr int kBadModel = 4;
inline constexpr int kDeviceLost = 5;
inline constexpr int kInputOutput = 6;
inline constexpr int kOverBudget = 7;
inline constexpr int kInterrupted = 130;  // 128 + SIGINT, as shells say it

int exit_code_of(ErrorCode code);

// One line a code, for --help.
std::string exit_codes_text();

}  // namespace bafa::app
