// Results on the disk: what is there while they are kept, after a crash, and when there is no room.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "e2e/http_client.h"
#include "e2e/program.h"

namespace bafa::e2e {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kGenerations = "/v1/images/generations";
constexpr const char* kApple = R"({"prompt":"a red apple canary-4711","seed":7})";
const Headers kPng = {{"Accept", "image/png"}};

std::vector<fs::path> pictures_in(const fs::path& state) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(state / "results")) {
    if (entry.path().extension() == ".rgb") found.push_back(entry.path());
  }
  return found;
}

std::string submit(const ServerProgram& server) {
  const Answer answer = post(server.port(), "/v1/jobs", kApple);
  EXPECT_EQ(answer.status, 202) << answer.body;
  return parse_json(answer.body)["id"].get<std::string>();
}

bool succeeds(const ServerProgram& server, const std::string& id) {
  return eventually([&] {
    return parse_json(get(server.port(), "/v1/jobs/" + id).body)["status"] == "succeeded";
  });
}

// From now on no file of the server may grow beyond so many bytes: enough for its log.
void limit_files(const ServerProgram& server, rlim_t bytes) {
  const rlimit limit{.rlim_cur = bytes, .rlim_max = RLIM_INFINITY};
  ASSERT_EQ(::prlimit(server.process(), RLIMIT_FSIZE, &limit, nullptr), 0);
}

TEST(Disk, KeepsPicturesInPrivateFilesWithoutThePrompt) {
  const TemporaryFolder state;
  const ServerProgram server({"--state-dir", state.path().string()});
  const Answer first = post(server.port(), kGenerations, kApple, kPng);
  ASSERT_EQ(first.status, 200) << first.body;
  const auto files = pictures_in(state.path());
  ASSERT_EQ(files.size(), 1u);
  EXPECT_EQ(fs::status(files[0]).permissions(), fs::perms(0600));
  EXPECT_EQ(fs::status(state / "results").permissions(), fs::perms(0700));
  const std::string bytes = read_file(files[0], 1 << 20);
  EXPECT_THAT(bytes, Not(HasSubstr("canary")));
  EXPECT_GT(bytes.size(), 64u * 64 * 3);
  const Answer again = get(server.port(), "/v1/jobs/" + first.header("X-Job-Id") + "/result", kPng);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.body, first.body);
}

TEST(Disk, RemovesAFileWhenItsTimeIsOver) {
  const TemporaryFolder state;
  const ServerProgram server({"--state-dir", state.path().string(), "--set",
                              "results.ttl_seconds=1", "--set", "queue.idle_after_seconds=3600"});
  const std::string id = submit(server);
  ASSERT_TRUE(eventually([&] { return pictures_in(state.path()).size() == 1; }));
  EXPECT_TRUE(eventually([&] { return pictures_in(state.path()).empty(); })) << "nobody asked";
  EXPECT_EQ(get(server.port(), "/v1/jobs/" + id + "/result").status, 410);
}

TEST(Disk, KeepsNoMoreThanItMay) {
  const TemporaryFolder state;
  const ServerProgram server({"--state-dir", state.path().string(), "--set", "results.max_jobs=2"});
  std::vector<std::string> ids;
  for (int i = 0; i < 4; ++i) {
    ids.push_back(submit(server));
    ASSERT_TRUE(succeeds(server, ids.back()));
  }
  EXPECT_TRUE(eventually([&] { return pictures_in(state.path()).size() == 2; }));
  EXPECT_EQ(get(server.port(), "/v1/jobs/" + ids[0]).status, 410);
  EXPECT_EQ(get(server.port(), "/v1/jobs/" + ids[3] + "/result").status, 200);
}

TEST(Disk, IsCleanAfterAStopAndAfterACrash) {
  const TemporaryFolder state;
  const std::vector<std::string> options = {"--state-dir", state.path().string()};
  {
    ServerProgram server(options);
    ASSERT_TRUE(succeeds(server, submit(server)));
    server.send_signal(SIGTERM);
    EXPECT_EQ(server.wait_for_exit(), 0);
    EXPECT_TRUE(pictures_in(state.path()).empty());
  }
  {
    ServerProgram server(options);
    ASSERT_TRUE(succeeds(server, submit(server)));
    server.send_signal(SIGKILL);
    server.wait_for_exit();
    EXPECT_EQ(pictures_in(state.path()).size(), 1u);
  }
  const ServerProgram server(options);
  EXPECT_TRUE(eventually([&] { return pictures_in(state.path()).empty(); }));
  EXPECT_TRUE(succeeds(server, submit(server)));
}

TEST(Disk, WithoutRoomFailsThatJobWith507AndNothingElse) {
  const TemporaryFolder state;
  ServerProgram server({"--state-dir", state.path().string()});
  const std::string before = submit(server);
  ASSERT_TRUE(succeeds(server, before));
  limit_files(server, 10'000);
  const Answer failed = post(server.port(), kGenerations, kApple);
  EXPECT_EQ(failed.status, 507) << failed.body;
  EXPECT_THAT(failed.body, HasSubstr("disk is full"));
  EXPECT_THAT(failed.body, HasSubstr("\"disk_full\""));
  EXPECT_THAT(failed.body, Not(HasSubstr(state.path().string())));
  EXPECT_EQ(failed.header("x-should-retry"), "false");
  EXPECT_THAT(server.log(), HasSubstr("result.not_kept"));
  EXPECT_EQ(get(server.port(), "/livez").status, 200);
  EXPECT_EQ(get(server.port(), "/readyz").status, 200);
  EXPECT_EQ(get(server.port(), "/v1/jobs/" + before + "/result").status, 200);
  EXPECT_EQ(pictures_in(state.path()).size(), 1u);
  limit_files(server, RLIM_INFINITY);
  EXPECT_EQ(post(server.port(), kGenerations, kApple, kPng).status, 200);
  server.send_signal(SIGTERM);
  EXPECT_EQ(server.wait_for_exit(), 0);
}

TEST(Disk, IsNotSharedByTwoServers) {
  const TemporaryFolder state;
  const ServerProgram server({"--state-dir", state.path().string()});
  std::vector<std::string> arguments = {
      "serve", "--port", "0", "--admin-port", "0", "--state-dir", state.path().string()};
  for (const std::string& more : tiny_model()) arguments.push_back(more);
  const Outcome second = run_program(arguments);
  EXPECT_EQ(second.exit_code, 6);
  EXPECT_THAT(second.err, HasSubstr("another process uses " + state.path().string()));
}

}  // namespace
}  // namespace bafa::e2e
