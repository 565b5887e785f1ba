// Logging for every room: spdlog behind a few calls. One line an event: a short name, then
// key=value pairs (log_line.h). Never a prompt, key or image here; the one exception is decided in
// http by log.prompts.
#pragma once

#include <spdlog/spdlog.h>

#include <string>

#include "bafa/config.h"
#include "base/log_line.h"

namespace bafa {

// Sets level, sink and format for the process. Called once by main before threads start.
void init_log(const LogConfig& config);

inline void log(spdlog::level::level_enum level, const LogLine& line) {
  spdlog::log(level, "{}", line.text());
}

// Opens the log file again after logrotate moved it (SIGHUP). Nothing to do on standard error.
// Throws Error{io_error} when it cannot be opened; the log then goes on where it was.
void reopen_log();

}  // namespace bafa
