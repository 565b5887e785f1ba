// For tests that something is refused: what was thrown, as values to compare.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "bafa/error.h"

namespace bafa::test {

struct Refused {
  ErrorCode code = ErrorCode::internal;
  std::string message;  // empty: nothing was thrown
  std::string param;
};

template <typename Action>
Refused refused(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return {error.code(), error.what(), error.param()};
  }
  ADD_FAILURE() << "nothing was refused";
  return {};
}

}  // namespace bafa::test
