// What a device's own allocator throws when memory runs out, in bafa's words. Any thread.
#pragma once

#include <c10/util/Exception.h>

#include <utility>

#include "bafa/error.h"

namespace bafa::device {

// Runs `call`. Throws Error{out_of_memory} in place of c10::OutOfMemoryError, and whatever else the
// call throws.
template <typename Call>
decltype(auto) naming_out_of_memory(Call&& call) {
  try {
    return std::forward<Call>(call)();
  } catch (const c10::OutOfMemoryError& error) {
    throw Error(ErrorCode::out_of_memory, "the device ran out of memory: " + error.msg(),
                "memory.budget_bytes");
  }
}

}  // namespace bafa::device
