// The saver's own thread against a disk that the test can stop: a pipe in the place of a file keeps
// whoever writes it waiting until somebody reads.
#include "serve/store/result_saver.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "bafa/error.h"
#include "support/file_size_limit.h"
#include "support/manual_clock.h"
#include "support/requests.h"
#include "support/temporary_folder.h"

namespace bafa::serve {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class ResultSaverTest : public testing::Test {
 protected:
  // Named job1, job2, …; running, as the worker hands it over.
  std::shared_ptr<Job> running_job() {
    auto job = test::make_job(clock_, ++serial_);
    EXPECT_TRUE(job->start());
    return job;
  }

  static std::shared_ptr<JobResult> picture(std::uint8_t byte = 7) {
    auto result = std::make_shared<JobResult>();
    result->images.push_back({.width = 2, .height = 1, .rgb = std::vector<std::uint8_t>(6, byte)});
    result->indices = {0};
    return result;
  }

  std::shared_ptr<Job> keep(std::shared_ptr<Job> job, JobState state = JobState::succeeded) {
    saver_->keep(job, {.state = state, .result = picture()});
    return job;
  }

  static JobSnapshot end_of(const Job& job) { return job.wait(UINT64_MAX, 1h); }

  fs::path file_of(const Job& job) const { return results_ / (job.spec().id + ".rgb"); }

  void stop_disk_at(const std::string& id) {
    ASSERT_EQ(::mkfifo((results_ / (id + ".rgb")).c_str(), 0600), 0);
  }
  void let_go(const Job& job) const {
    const int pipe = ::open(file_of(job).c_str(), O_RDONLY);
    char bytes[4096];
    while (::read(pipe, bytes, sizeof bytes) > 0) continue;
    ::close(pipe);
  }

  static bool eventually(const std::function<bool()>& condition) {
    for (int i = 0; i < 100'000 && !condition(); ++i) std::this_thread::sleep_for(100us);
    return condition();
  }

  const test::TemporaryFolder folder_;
  const fs::path results_ = folder_.path() / "results";
  test::ManualClock clock_;
  Metrics metrics_{"test"};
  std::atomic<int> ended_ = 0;
  std::unique_ptr<ResultSaver> saver_ = std::make_unique<ResultSaver>(
      folder_.path(), ResultSaverParts{metrics_, clock_, [this](const Job&) { ++ended_; }});
  std::uint64_t serial_ = 0;
};

TEST_F(ResultSaverTest, EndsAJobWhenItsPicturesAreOnTheDisk) {
  const auto job = keep(running_job());
  EXPECT_EQ(end_of(*job).state, JobState::succeeded);
  EXPECT_GE(fs::file_size(file_of(*job)), 6u);
  ASSERT_NE(job->result(), nullptr);
  EXPECT_EQ(job->result()->images[0].rgb, picture()->images[0].rgb);
  EXPECT_GE(job->retained_bytes(), fs::file_size(file_of(*job)));
  EXPECT_TRUE(eventually([&] { return ended_ == 1; }));
}

TEST_F(ResultSaverTest, HoldsNoPictureInMemoryThatNobodyLooksAt) {
  const auto job = running_job();
  auto result = picture();
  const std::weak_ptr<const JobResult> memory = result;
  saver_->keep(job, {.state = JobState::succeeded, .result = std::move(result)});
  end_of(*job);
  EXPECT_TRUE(eventually([&] { return memory.expired(); }));
  const auto first = job->result();
  EXPECT_EQ(job->result(), first) << "those who look at the same time share one";
}

TEST_F(ResultSaverTest, RemovesTheFileWithTheLastWhoRemembersTheJob) {
  auto job = keep(running_job());
  end_of(*job);
  const fs::path file = file_of(*job);
  ASSERT_TRUE(fs::exists(file));
  job.reset();
  EXPECT_TRUE(eventually([&] { return !fs::exists(file); }));
}

TEST_F(ResultSaverTest, NobodyWaitsForADiskThatHangs) {
  stop_disk_at("job1");
  const auto first = keep(running_job());
  const auto second = keep(running_job());
  EXPECT_EQ(first->state(), JobState::running);
  EXPECT_EQ(second->state(), JobState::running);
  let_go(*first);
  EXPECT_EQ(end_of(*first).state, JobState::succeeded);
  EXPECT_EQ(end_of(*second).state, JobState::succeeded);
}

TEST_F(ResultSaverTest, CallsADiskUnavailableThatTooManyWaitFor) {
  stop_disk_at("job1");
  std::vector<std::shared_ptr<Job>> kept;
  auto job = keep(running_job());
  while (job->state() == JobState::running && kept.size() < 2 * ResultSaver::kMaxWaiting) {
    kept.push_back(job);
    job = keep(running_job());
  }
  const JobSnapshot refused = job->snapshot();
  EXPECT_EQ(refused.state, JobState::failed) << "at once";
  EXPECT_EQ(refused.error->code, ErrorCode::store_unavailable);
  EXPECT_GE(kept.size(), ResultSaver::kMaxWaiting);
  let_go(*kept.front());
  for (const auto& one : kept) EXPECT_EQ(end_of(*one).state, JobState::succeeded);
}

TEST_F(ResultSaverTest, FailsTheJobThatFindsTheDiskFullAndNoOther) {
  const auto before = keep(running_job());
  end_of(*before);
  const auto unlucky = running_job();
  {
    const test::FileSizeLimit no_room(10);
    keep(unlucky);
    end_of(*unlucky);
  }
  const JobSnapshot failed = end_of(*unlucky);
  EXPECT_EQ(failed.state, JobState::failed);
  EXPECT_EQ(failed.error->code, ErrorCode::disk_full);
  EXPECT_THAT(failed.error->message, testing::HasSubstr("disk is full"));
  EXPECT_THAT(failed.error->message, testing::Not(testing::HasSubstr(folder_.path().string())));
  EXPECT_EQ(unlucky->result(), nullptr);
  EXPECT_NE(before->result(), nullptr);
  const auto after = keep(running_job());
  EXPECT_EQ(end_of(*after).state, JobState::succeeded);
}

TEST_F(ResultSaverTest, ACanceledJobIsCanceledAlsoWhenItsPicturesCannotBeKept) {
  const test::FileSizeLimit no_room(10);
  const auto job = running_job();
  saver_->keep(job, {.state = JobState::canceled,
                     .error = JobError{ErrorCode::canceled, "as the caller wished"},
                     .result = picture()});
  EXPECT_EQ(end_of(*job).state, JobState::canceled);
  EXPECT_EQ(end_of(*job).error->message, "as the caller wished");
}

TEST_F(ResultSaverTest, AFileThatIsGoneIsNoResultAndABrokenOneIsAnError) {
  const auto job = keep(running_job());
  end_of(*job);
  folder_.write("results/job1.rgb", "broken");
  try {
    job->result();
    FAIL() << "a broken file was read";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::store_unavailable);
    EXPECT_THAT(error.what(), testing::Not(testing::HasSubstr(folder_.path().string())));
  }
  fs::remove(file_of(*job));
  EXPECT_EQ(job->result(), nullptr);
}

TEST_F(ResultSaverTest, RemovesAtItsStartWhatACrashLeft) {
  saver_.reset();
  const auto left = folder_.write("results/0123.rgb", "x");
  const auto half = folder_.write("results/4567.rgb.part-1", "x");
  saver_ = std::make_unique<ResultSaver>(folder_.path(),
                                         ResultSaverParts{metrics_, clock_, [](const Job&) {}});
  EXPECT_TRUE(eventually([&] { return !fs::exists(left) && !fs::exists(half); }));
}

TEST_F(ResultSaverTest, LeavesNothingWhenItGoes) {
  {
    std::vector<std::shared_ptr<Job>> jobs;
    for (int i = 0; i < 5; ++i) jobs.push_back(keep(running_job()));
    saver_->finish();
    for (const auto& job : jobs) EXPECT_EQ(job->state(), JobState::succeeded);
  }
  saver_.reset();
  EXPECT_EQ(std::distance(fs::directory_iterator(results_), fs::directory_iterator()), 1);
}

}  // namespace
}  // namespace bafa::serve
