#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace bafa {

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: internal error: expected %s\n", file, line, condition);
  std::abort();
}

}  // namespace bafa
