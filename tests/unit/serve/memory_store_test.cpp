#include "serve/store/memory_store.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/manual_clock.h"
#include "support/requests.h"

namespace bafa::serve {
namespace {

using std::chrono::seconds;
using test::make_job;
using test::ManualClock;

class MemoryStoreTest : public testing::Test {
 protected:
  std::shared_ptr<Job> add(SubmitOptions options = {}) {
    auto job = make_job(clock_, ++serial_, std::move(options));
    store_.insert(job);
    return job;
  }

  // A job that succeeds with a picture of so many bytes.
  JobId add_ended(std::size_t bytes, SubmitOptions options = {}) {
    const auto job = add(std::move(options));
    auto result = std::make_shared<JobResult>();
    result->images.push_back({.width = 1, .height = 1, .rgb = std::vector<std::uint8_t>(bytes)});
    EXPECT_TRUE(job->start());
    EXPECT_TRUE(job->end({.state = JobState::succeeded, .error = {}, .result = result}));
    store_.ended(*job);
    return job->spec().id;
  }

  ManualClock clock_;
  MemoryStore store_{{.ttl = seconds{60}, .max_bytes = 100'000}, clock_};
  std::uint64_t serial_ = 0;
};

TEST_F(MemoryStoreTest, FindsWhatWasInserted) {
  const auto job = add();
  EXPECT_EQ(store_.find(job->spec().id), job);
  EXPECT_EQ(store_.find("nobody"), nullptr);
  EXPECT_FALSE(store_.forgotten("nobody"));
}

TEST_F(MemoryStoreTest, ForgetsAnEndedJobAfterItsTime) {
  const JobId id = add_ended(10);
  clock_.advance(seconds{59});
  EXPECT_NE(store_.find(id), nullptr);
  clock_.advance(seconds{1});
  EXPECT_EQ(store_.find(id), nullptr);
  EXPECT_TRUE(store_.forgotten(id));
  EXPECT_EQ(store_.retained_bytes(), 0u);
}

TEST_F(MemoryStoreTest, ForgetsAlsoWhenNobodyAsks) {
  EXPECT_EQ(store_.sweep(), std::nullopt);
  const std::weak_ptr<Job> job = store_.find(add_ended(10));
  EXPECT_EQ(store_.sweep(), clock_.now() + seconds{60});
  clock_.advance(seconds{59});
  EXPECT_EQ(store_.sweep(), clock_.now() + seconds{10}) << "not too often";
  EXPECT_FALSE(job.expired());
  clock_.advance(seconds{1});
  EXPECT_EQ(store_.sweep(), std::nullopt);
  EXPECT_TRUE(job.expired());
}

TEST_F(MemoryStoreTest, KeepsABoundedNumberOfJobs) {
  MemoryStore store({.ttl = seconds{60}, .max_bytes = 1ull << 40, .max_jobs = 20}, clock_);
  std::vector<JobId> ids;
  for (int i = 0; i <= 20; ++i) {
    const auto job = make_job(clock_, ++serial_, {});
    store.insert(job);
    job->cancel({ErrorCode::canceled, ""});
    store.ended(*job);
    ids.push_back(job->spec().id);
  }
  EXPECT_EQ(store.find(ids.front()), nullptr);
  EXPECT_NE(store.find(ids.at(1)), nullptr);
}

TEST_F(MemoryStoreTest, NeverForgetsAJobThatHasNotEnded) {
  const auto job = add();
  clock_.advance(seconds{3600});
  add_ended(200'000);
  EXPECT_EQ(store_.find(job->spec().id), job);
}

TEST_F(MemoryStoreTest, ForgetsTheOldestEndWhenTheyAreTooMany) {
  const JobId first = add_ended(40'000);
  const JobId second = add_ended(40'000);
  EXPECT_NE(store_.find(first), nullptr);
  const JobId third = add_ended(40'000);
  EXPECT_EQ(store_.find(first), nullptr);
  EXPECT_NE(store_.find(second), nullptr);
  EXPECT_NE(store_.find(third), nullptr);
  EXPECT_LE(store_.retained_bytes(), 100'000u);
}

TEST_F(MemoryStoreTest, KeepsTheNewestEndHoweverLargeItIs) {
  const JobId id = add_ended(200'000);
  EXPECT_NE(store_.find(id), nullptr);
  add_ended(10);
  EXPECT_EQ(store_.find(id), nullptr);
}

TEST_F(MemoryStoreTest, KeepsAJobThatSomebodyFollows) {
  const JobId id = add_ended(60'000);
  auto token = store_.find(id)->follow();
  const JobId other = add_ended(60'000);
  add_ended(60'000);
  EXPECT_NE(store_.find(id), nullptr);
  EXPECT_EQ(store_.find(other), nullptr);
  token.reset();
  EXPECT_EQ(store_.find(id), nullptr);
}

TEST_F(MemoryStoreTest, CountsRecordsWithoutPicturesToo) {
  for (int i = 0; i < 1000; ++i) {
    const auto job = add();
    job->cancel({ErrorCode::canceled, ""});
    store_.ended(*job);
  }
  EXPECT_LE(store_.retained_bytes(), 100'000u);
}

TEST_F(MemoryStoreTest, RemembersABoundedNumberOfForgottenJobs) {
  const JobId first = add_ended(0);
  clock_.advance(seconds{60});
  EXPECT_TRUE(store_.forgotten(first));
  for (std::size_t i = 0; i < MemoryStore::kForgottenIds; ++i) add_ended(0);
  clock_.advance(seconds{60});
  EXPECT_FALSE(store_.forgotten(first));
  EXPECT_TRUE(store_.forgotten("job" + std::to_string(serial_)));
}

TEST_F(MemoryStoreTest, FindsAJobByItsTenantsKeyOnly) {
  const SubmitOptions options{.tenant = "ann", .idempotency = IdempotencyKey{"k", "body"}};
  const auto job = add(options);
  EXPECT_EQ(store_.find_key("ann", "k"), job);
  EXPECT_EQ(store_.find_key("bob", "k"), nullptr);
  const auto newer = add(options);
  EXPECT_EQ(store_.find_key("ann", "k"), newer);
  store_.erase(*job);
  EXPECT_EQ(store_.find_key("ann", "k"), newer) << "the key is the newer job's by now";
  store_.erase(*newer);
  EXPECT_EQ(store_.find_key("ann", "k"), nullptr);
}

TEST_F(MemoryStoreTest, ListsATenantsJobsNewestFirst) {
  const auto first = add({.tenant = "ann"});
  const auto other = add({.tenant = "bob"});
  const auto second = add({.tenant = "ann"});
  EXPECT_EQ(store_.of_tenant("ann", ""), (std::vector{second, first}));
  EXPECT_EQ(store_.of_tenant("ann", second->spec().id), (std::vector{first}));
  EXPECT_TRUE(store_.of_tenant("ann", first->spec().id).empty());
  EXPECT_TRUE(store_.of_tenant("ann", other->spec().id).empty()) << "not ann's to continue from";
  EXPECT_TRUE(store_.of_tenant("eve", "").empty());
}

TEST_F(MemoryStoreTest, IgnoresTheEndOfAJobThatWasTakenBack) {
  const auto job = add();
  store_.erase(*job);
  job->cancel({ErrorCode::canceled, ""});
  store_.ended(*job);
  EXPECT_EQ(store_.retained_bytes(), 0u);
}

}  // namespace
}  // namespace bafa::serve
