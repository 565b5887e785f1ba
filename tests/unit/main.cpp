// The main of both unit-test programs: as in bafa itself, the log is there before there are
// threads.
#include <gmock/gmock.h>

#include "base/log.h"

int main(int argc, char** argv) {
  testing::InitGoogleMock(&argc, argv);
  bafa::init_log({});
  return RUN_ALL_TESTS();
}
