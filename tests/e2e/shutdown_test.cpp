// Signals at every moment: what was taken is answered, and the exit code says how it went.
#include <gtest/gtest.h>

#include <csignal>
#include <future>
#include <nlohmann/json.hpp>
#include <string>

#include "base/json.h"
#include "e2e/http_client.h"
#include "e2e/program.h"

namespace bafa::e2e {
namespace {

constexpr const char* kGenerations = "/v1/images/generations";
constexpr const char* kJob = R"({"prompt":"slow","steps":400,"seed":1})";
constexpr int kInterrupted = 130;

std::vector<std::string> long_jobs(const std::string& drain_seconds) {
  return {"--set",       "limits.max_steps=1000",
          "--max-batch", "1",
          "--set",       "queue.drain_timeout_seconds=" + drain_seconds};
}

bool job_runs(const ServerProgram& server) {
  return parse_json(get(server.port(), "/v1/queue").body)["running"] == 1;
}

std::string code_of(const Answer& answer) {
  return parse_json(answer.body)["error"]["code"].get<std::string>();
}

class Shutdown : public testing::Test {
 protected:
  std::future<Answer> ask(const ServerProgram& server) {
    return std::async(std::launch::async,
                      [port = server.port()] { return post(port, kGenerations, kJob); });
  }
};

TEST_F(Shutdown, AnswersTheRunningJobAndExitsWithZero) {
  for (const int number : {SIGTERM, SIGINT}) {
    ServerProgram server(long_jobs("60"));
    auto answer = ask(server);
    ASSERT_TRUE(eventually([&] { return job_runs(server); }));
    server.send_signal(number);
    EXPECT_EQ(answer.get().status, 200);
    EXPECT_EQ(server.wait_for_exit(), 0);
  }
}

TEST_F(Shutdown, RefusesNewJobsAndEndsWaitingOnes) {
  ServerProgram server(long_jobs("60"));
  auto running = ask(server);
  ASSERT_TRUE(eventually([&] { return job_runs(server); }));
  auto waiting = ask(server);
  ASSERT_TRUE(
      eventually([&] { return parse_json(get(server.port(), "/v1/queue").body)["depth"] == 1; }));
  server.send_signal(SIGTERM);
  const Answer ended = waiting.get();
  EXPECT_EQ(ended.status, 503);
  EXPECT_EQ(code_of(ended), "draining");
  EXPECT_EQ(ended.header("Retry-After"), "10");
  EXPECT_EQ(get(server.port(), "/readyz").status, 503);
  const Answer refused = post(server.port(), kGenerations, kJob);
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(code_of(refused), "draining");
  EXPECT_EQ(running.get().status, 200);
  EXPECT_EQ(server.wait_for_exit(), 0);
}

TEST_F(Shutdown, CancelsWhatDoesNotFinishInTime) {
  ServerProgram server(long_jobs("0"));
  auto answer = ask(server);
  ASSERT_TRUE(eventually([&] { return job_runs(server); }));
  server.send_signal(SIGTERM);
  EXPECT_EQ(answer.get().status, 503);
  EXPECT_EQ(server.wait_for_exit(), 0);
}

TEST_F(Shutdown, StopsAtOnceAtTheSecondSignal) {
  ServerProgram server(long_jobs("60"));
  auto answer = ask(server);
  ASSERT_TRUE(eventually([&] { return job_runs(server); }));
  server.send_signal(SIGTERM);
  ASSERT_TRUE(eventually([&] { return get(server.port(), "/readyz").status == 503; }));
  server.send_signal(SIGINT);
  EXPECT_EQ(server.wait_for_exit(), kInterrupted);
  EXPECT_NE(answer.get().status, 200);
}

TEST_F(Shutdown, OfAnIdleServerIsDoneWithTheSignal) {
  ServerProgram server;
  server.send_signal(SIGTERM);
  EXPECT_EQ(server.wait_for_exit(), 0);
}

}  // namespace
}  // namespace bafa::e2e
