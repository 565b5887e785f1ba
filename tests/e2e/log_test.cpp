// What the server writes down: one line for each request and each job, and nothing that is its
// callers' own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "e2e/http_client.h"
#include "e2e/program.h"

namespace bafa::e2e {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kGenerations = "/v1/images/generations";
constexpr const char* kKey = "canary-key-0123456789";
const Headers kWithKey = {{"Authorization", std::string("Bearer ") + kKey}};

std::string keys_file() {
  return std::string(R"({"keys":[{"name":"alice","key":")") + kKey + R"("}]})";
}

// Requests of every kind that may end up in a log, each with a canary where a caller's own words
// go.
void send_canaries(const ServerProgram& server) {
  const int port = server.port();
  for (const char* body : {
           R"({"prompt":"canary","negative_prompt":"canary","guidance_scale":3,"seed":1})",
           R"({"prompt":"canary","stream":true,"partial_images":1})",
           R"({"prompt":"canary","steps":-1})",
           R"({"prompt":"canary","size":"canary"})",
           R"({"prompt":"canary","model":"canary"})",
           R"({"canary":"canary"})",
           R"({"prompt":"canary)",
       }) {
    post(port, kGenerations, body, kWithKey);
  }
  post(port, "/v1/jobs", R"({"prompt":"canary"})", kWithKey);
  post(port, kGenerations, R"({"prompt":"x"})", {{"Authorization", "Bearer canary-guess-01234"}});
  get(port, "/v1/jobs/canary?key=canary", kWithKey);
  get(port, "/canary?canary=canary", kWithKey);
  get(port, "/v1/queue",
      {{"Authorization", kWithKey[0].second},
       {"X-Canary", "canary"},
       {"User-Agent", "canary"},
       {"Referer", "http://canary/"}});
  RawConnection raw(port);
  raw.send("CANARY /canary HTTP/1.1\r\nHost: canary\r\ncanary\r\n\r\n");
  raw.read_status();
}

TEST(ServerLog, NeverHoldsWhatIsTheCallersOwn) {
  const TemporaryFolder folder;
  write_file(folder / "keys.json", keys_file());
  for (const char* json : {"false", "true"}) {
    ServerProgram server({"--log-level", "trace", "--keys", (folder / "keys.json").string(),
                          "--set", std::string("log.json=") + json});
    send_canaries(server);
    const std::string metrics = get(server.admin_port(), "/metrics").body;
    server.send_signal(SIGTERM);
    ASSERT_EQ(server.wait_for_exit(), 0);
    const std::string log = server.log();
    EXPECT_THAT(log, HasSubstr("job.succeeded")) << "it does log";
    EXPECT_THAT(log, testing::AllOf(Not(HasSubstr("canary")), Not(HasSubstr("CANARY"))));
    EXPECT_THAT(log, Not(HasSubstr("iVBORw0KGgo"))) << "a PNG as base64";
    EXPECT_THAT(metrics, testing::AllOf(HasSubstr("bafa_jobs_total"), Not(HasSubstr("canary"))));
  }
}

TEST(ServerLog, HoldsPromptsOnlyWhenToldTo) {
  const ServerProgram server({"--set", "log.prompts=true"});
  ASSERT_EQ(post(server.port(), kGenerations, R"({"prompt":"a \"red\" apple"})").status, 200);
  EXPECT_THAT(server.log(), HasSubstr(R"(prompt="a \"red\" apple")"));
}

// The lines of a log of JSON lines about `event`.
std::vector<Json> events(const std::string& log, const std::string& event) {
  std::vector<Json> found;
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    const Json json = parse_json(line);
    if (json.value("event", "") == event) found.push_back(json);
  }
  return found;
}

TEST(ServerLog, TellsOfEachRequestAndItsJob) {
  const ServerProgram server({"--log-json"});
  const char* body = R"({"prompt":"x","n":2,"steps":3})";
  const Headers id = {{"X-Request-Id", "mine-1"}};
  const Answer answer = post(server.port(), kGenerations, body, id);
  ASSERT_EQ(answer.status, 200);
  ASSERT_TRUE(eventually([&] { return events(server.log(), "request").size() == 1; }));
  const Json request = events(server.log(), "request").at(0);
  EXPECT_EQ(request["request"], "mine-1");
  EXPECT_EQ(request["route"], kGenerations);
  EXPECT_EQ(request["status"], 200);
  ASSERT_TRUE(eventually([&] { return events(server.log(), "job.succeeded").size() == 1; }));
  const auto jobs = events(server.log(), "job.succeeded");
  EXPECT_EQ(jobs[0]["request"], "mine-1");
  EXPECT_EQ(jobs[0]["job"], answer.header("X-Job-Id"));
  EXPECT_EQ(jobs[0]["images"], 2);
  EXPECT_EQ(jobs[0]["batch"], 2.0);
  EXPECT_EQ(jobs[0]["step"], 6);
  EXPECT_EQ(jobs[0]["code"], "none");
  for (const char* stage : {"encode_s", "denoise_s", "decode_s", "e2e_s"}) {
    EXPECT_GT(jobs[0][stage], 0) << stage;
  }
  EXPECT_GE(jobs[0]["queue_wait_s"], 0);
}

}  // namespace
}  // namespace bafa::e2e
