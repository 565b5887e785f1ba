// Logging for every room: spdlog behind three calls. One line an event: a short name, then
// key=value pairs. Never a prompt, key or image here; the one exception is decided in http by
// log.prompts.
#pragma once

#include <spdlog/spdlog.h>

#include <string>

#include "bafa/config.h"

namespace bafa {

// Sets level, sink and format for the process. Called once by main before threads start.
void init_log(const LogConfig& config);

// Opens the log file again after logrotate moved it (SIGHUP). Nothing to do on standard error.
void reopen_log();

}  // namespace bafa
