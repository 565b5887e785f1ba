#include "serve/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bafa::serve {
namespace {

using testing::HasSubstr;
using testing::Not;

JobSnapshot ended(JobState state) {
  JobSnapshot job;
  job.id = "canary-id";
  job.tenant = "canary-tenant";
  job.params.prompt = "canary-prompt";
  job.state = state;
  job.step = 3;
  job.phase = Phase::denoise;
  job.started_at = WallTime{};
  job.timings.denoise_seconds = 0.2;
  if (state != JobState::succeeded) job.error = JobError{ErrorCode::canceled, ""};
  return job;
}

TEST(Metrics, StartAtZero) {
  const std::string text = Metrics("1.2").text({});
  EXPECT_THAT(text, HasSubstr("# TYPE bafa_jobs_total counter"));
  EXPECT_THAT(text, HasSubstr("bafa_build_info{version=\"1.2\"} 1"));
  EXPECT_THAT(text, HasSubstr("bafa_canceled_total{phase=\"queued\"} 0"));
  EXPECT_THAT(text, HasSubstr("bafa_oom_total{stage=\"decode\"} 0"));
  EXPECT_THAT(text, HasSubstr("bafa_ready 0"));
}

TEST(Metrics, TellLevelsAsOfNow) {
  Metrics metrics("");
  const std::string text = metrics.text(
      {.queue_depth = {1, 2, 3}, .queue_capacity = 10, .jobs_running = 4, .ready = true});
  EXPECT_THAT(text, HasSubstr("bafa_queue_depth{priority=\"low\"} 1"));
  EXPECT_THAT(text, HasSubstr("bafa_queue_depth{priority=\"high\"} 3"));
  EXPECT_THAT(text, HasSubstr("bafa_queue_capacity 10"));
  EXPECT_THAT(text, HasSubstr("bafa_jobs_running 4"));
  EXPECT_THAT(text, HasSubstr("bafa_ready 1"));
}

TEST(Metrics, CountJobsByEndAndReason) {
  Metrics metrics("");
  metrics.job_ended(ended(JobState::succeeded), 0.4);
  metrics.job_ended(ended(JobState::canceled), 0.4);
  const std::string text = metrics.text({});
  EXPECT_THAT(text, HasSubstr("bafa_jobs_total{reason=\"\",status=\"succeeded\"} 1"));
  EXPECT_THAT(text, HasSubstr("bafa_jobs_total{reason=\"canceled\",status=\"canceled\"} 1"));
  EXPECT_THAT(text, HasSubstr("bafa_canceled_total{phase=\"denoise\"} 1"));
  EXPECT_THAT(text, HasSubstr("bafa_wasted_steps_total 3"));
  EXPECT_THAT(text, HasSubstr("bafa_e2e_seconds_count 1"));
  EXPECT_THAT(text, HasSubstr("bafa_stage_seconds_sum{stage=\"denoise\"} 0.2"));
}

TEST(Metrics, CountWhatTheDeviceDid) {
  Metrics metrics("");
  metrics.job_started(0.1);
  metrics.stepped(3, 0.05);
  metrics.out_of_memory(Phase::denoise);
  metrics.retried(3);
  metrics.rejected(ErrorCode::tenant_limit);
  metrics.model_loaded(1.5);
  const std::string text = metrics.text({});
  EXPECT_THAT(text, HasSubstr("bafa_queue_wait_seconds_count 1"));
  EXPECT_THAT(text, HasSubstr("bafa_step_seconds_sum 0.05"));
  EXPECT_THAT(text, HasSubstr("bafa_batch_size_sum 3"));
  EXPECT_THAT(text, HasSubstr("bafa_oom_total{stage=\"denoise\"} 1"));
  EXPECT_THAT(text, HasSubstr("bafa_retries_total 3"));
  EXPECT_THAT(text, HasSubstr("bafa_admission_rejected_total{reason=\"tenant_limit\"} 1"));
  EXPECT_THAT(text, HasSubstr("bafa_model_load_seconds 1.5"));
}

TEST(Metrics, SayNothingAboutWhoAskedForWhat) {
  Metrics metrics("");
  metrics.job_ended(ended(JobState::failed), 1);
  EXPECT_THAT(metrics.text({}), Not(HasSubstr("canary")));
}

}  // namespace
}  // namespace bafa::serve
