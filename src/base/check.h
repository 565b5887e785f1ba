// CHECK: for programmers' mistakes, never reachable from input. Ends the process with the place and
// the condition; it is active in every build.
#pragma once

namespace bafa {

[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace bafa

// libtorch's logging header has one too, with the same meaning.
#undef CHECK
#define CHECK(condition)                                    \
  do {                                                      \
    if (!(condition)) [[unlikely]]                          \
      ::bafa::check_failed(#condition, __FILE__, __LINE__); \
  } while (false)
