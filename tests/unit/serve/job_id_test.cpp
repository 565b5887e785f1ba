#include "serve/job_id.h"

#include <gtest/gtest.h>

#include <set>

namespace bafa::serve {
namespace {

TEST(JobIds, Are32HexDigitsAndNeverTheSame) {
  std::set<JobId> ids;
  for (int i = 0; i < 1000; ++i) {
    const JobId id = new_job_id();
    EXPECT_EQ(id.size(), 32u);
    EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), JobId::npos) << id;
    ids.insert(id);
  }
  EXPECT_EQ(ids.size(), 1000u);
}

}  // namespace
}  // namespace bafa::serve
