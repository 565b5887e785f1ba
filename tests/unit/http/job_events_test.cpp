#include "http/job_events.h"

#include <gtest/gtest.h>

namespace bafa::http {
namespace {

using namespace std::chrono_literals;

JobSnapshot queued_job(int position) {
  JobSnapshot job;
  job.id = "j1";
  job.position = position;
  job.eta_seconds = 1.23456;
  job.steps = 4;
  job.params.seed = 7;
  return job;
}

JobSnapshot running_job(int step) {
  JobSnapshot job = queued_job(0);
  job.state = JobState::running;
  job.started_at = WallTime{10s};
  job.step = step;
  return job;
}

JobSnapshot ended_job(JobState state) {
  JobSnapshot job = running_job(state == JobState::succeeded ? 4 : 2);
  job.state = state;
  job.eta_seconds = 0;
  return job;
}

std::string wire(const std::vector<Event>& events) {
  std::string text;
  for (const Event& event : events) text += to_wire(event);
  return text;
}

TEST(JobEventFeed, TellsAWholeLifeByteForByte) {
  JobEventFeed feed(queued_job(2), 0);
  EXPECT_EQ(wire(feed.advance(queued_job(2), {})),
            "id: 1\nevent: queued\n"
            "data: {\"eta_seconds\":1.235,\"id\":\"j1\",\"position\":2,\"status\":\"queued\"}\n\n");
  EXPECT_EQ(wire(feed.advance(queued_job(1), {})),
            "event: queued\n"
            "data: {\"eta_seconds\":1.235,\"id\":\"j1\",\"position\":1,\"status\":\"queued\"}\n\n");
  EXPECT_EQ(wire(feed.advance(running_job(0), {})),
            "id: 2\nevent: started\ndata: {\"id\":\"j1\",\"status\":\"running\"}\n\n");
  EXPECT_EQ(wire(feed.advance(running_job(1), {})),
            "id: 3\nevent: step\n"
            "data: {\"id\":\"j1\",\"status\":\"running\",\"step\":1,\"steps\":4}\n\n");
  EXPECT_EQ(wire(feed.advance(ended_job(JobState::succeeded), {})),
            "id: 4\nevent: step\n"
            "data: {\"id\":\"j1\",\"status\":\"running\",\"step\":2,\"steps\":4}\n\n"
            "id: 5\nevent: step\n"
            "data: {\"id\":\"j1\",\"status\":\"running\",\"step\":3,\"steps\":4}\n\n"
            "id: 6\nevent: step\n"
            "data: {\"id\":\"j1\",\"status\":\"running\",\"step\":4,\"steps\":4}\n\n"
            "id: 7\nevent: succeeded\n"
            "data: {\"id\":\"j1\",\"result_url\":\"/v1/jobs/j1/result\",\"seed\":7,"
            "\"status\":\"succeeded\",\"timings\":{\"decode_seconds\":0.0,\"denoise_seconds\":0.0,"
            "\"encode_seconds\":0.0,\"queue_wait_seconds\":0.0}}\n\n");
  EXPECT_TRUE(feed.is_over(ended_job(JobState::succeeded)));
}

TEST(JobEventFeed, SaysNothingTwice) {
  JobEventFeed feed(running_job(2), 0);
  EXPECT_EQ(feed.advance(running_job(2), {}).size(), 4u);
  EXPECT_TRUE(feed.advance(running_job(2), {}).empty());
}

TEST(JobEventFeed, RepeatsWhatAListenerMissed) {
  JobEventFeed all(ended_job(JobState::succeeded), 0);
  const auto events = all.advance(ended_job(JobState::succeeded), {});
  ASSERT_EQ(events.size(), 7u);
  for (std::uint64_t last = 1; last < events.size(); ++last) {
    JobEventFeed rest(ended_job(JobState::succeeded), last);
    EXPECT_EQ(rest.advance(ended_job(JobState::succeeded), {}),
              std::vector<Event>(events.begin() + static_cast<int>(last), events.end()));
  }
}

TEST(JobEventFeed, IsOverForAListenerThatHeardTheEnd) {
  EXPECT_TRUE(
      JobEventFeed(ended_job(JobState::succeeded), 7).is_over(ended_job(JobState::succeeded)));
  EXPECT_FALSE(
      JobEventFeed(ended_job(JobState::succeeded), 6).is_over(ended_job(JobState::succeeded)));
  EXPECT_FALSE(JobEventFeed(running_job(2), 4).is_over(running_job(2)));
}

TEST(JobEventFeed, StartsOverForANumberThatTheJobCannotHaveReached) {
  JobEventFeed feed(running_job(0), UINT64_MAX);
  EXPECT_EQ(feed.advance(running_job(0), {}).size(), 2u);
}

TEST(JobEventFeed, TellsOfBadEndsWithTheirReason) {
  JobSnapshot failed = ended_job(JobState::failed);
  failed.error = JobError{ErrorCode::non_finite_output, "the model gave no picture"};
  JobEventFeed feed(failed, 4);
  EXPECT_EQ(wire(feed.advance(failed, {})),
            "id: 7\nevent: failed\n"
            "data: {\"error\":{\"code\":\"non_finite_output\",\"message\":\"the model gave no "
            "picture\",\"param\":null,\"type\":\"server_error\"},\"id\":\"j1\",\"seed\":7,"
            "\"status\":\"failed\",\"timings\":{\"decode_seconds\":0.0,\"denoise_seconds\":0.0,"
            "\"encode_seconds\":0.0,\"queue_wait_seconds\":0.0}}\n\n");
}

TEST(JobEventFeed, TellsOfAJobThatNeverStarted) {
  JobSnapshot canceled = queued_job(0);
  canceled.state = JobState::canceled;
  JobEventFeed feed(canceled, 0);
  const auto events = feed.advance(canceled, {});
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].name, "queued");
  EXPECT_EQ(events[1].name, "canceled");
}

TEST(JobEventFeed, CarriesAPreviewWithTheNewestStep) {
  JobEventFeed feed(running_job(1), 3);
  const JobPreview first{.image_index = 0, .step = 1, .image = nullptr};
  EXPECT_TRUE(feed.wants(first));
  const auto events =
      feed.advance(running_job(2), {{0, 1, 32, 32, "AAAA"}, {1, 1, 32, 32, "BBBB"}});
  EXPECT_EQ(wire(events),
            "id: 4\nevent: step\n"
            "data: {\"id\":\"j1\",\"preview\":{\"b64_json\":\"AAAA\",\"height\":32,"
            "\"image_index\":0,\"output_format\":\"png\",\"step\":1,\"width\":32},"
            "\"status\":\"running\",\"step\":2,\"steps\":4}\n\n"
            "event: step\n"
            "data: {\"id\":\"j1\",\"preview\":{\"b64_json\":\"BBBB\",\"height\":32,"
            "\"image_index\":1,\"output_format\":\"png\",\"step\":1,\"width\":32},"
            "\"status\":\"running\",\"step\":2,\"steps\":4}\n\n");
  EXPECT_FALSE(feed.wants(first));
  EXPECT_TRUE(feed.wants({.image_index = 0, .step = 2, .image = nullptr}));
}

}  // namespace
}  // namespace bafa::http
