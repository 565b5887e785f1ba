// The server as a client has it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "base/files.h"
#include "base/json.h"
#include "e2e/http_client.h"
#include "e2e/program.h"
#include "support/decode_image.h"

namespace bafa::e2e {
namespace {

using testing::HasSubstr;

constexpr const char* kGenerations = "/v1/images/generations";
const Headers kPng = {{"Accept", "image/png"}};

// What one picture of a tiny model can be made to take: seconds.
constexpr const char* kLongJob = R"({"prompt":"slow","steps":1000,"size":"256x256","seed":1})";
const std::vector<std::string> kLongJobsAllowed = {"--set", "limits.max_steps=1000"};

Json parsed(const Answer& answer) { return parse_json(answer.body, {.max_bytes = 1 << 26}); }

Image picture(const Json& item) {
  return test::decode_png(base64_decoded(item["b64_json"].get<std::string>()));
}

bool jobs_running(const ServerProgram& server, int count) {
  return parsed(get(server.port(), "/v1/queue"))["running"] == count;
}

TEST(Serve, PaintsAPrompt) {
  const ServerProgram server;
  const Answer answer =
      post(server.port(), kGenerations, R"({"prompt":"a red apple","n":2,"seed":7})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  const Json body = parsed(answer);
  ASSERT_EQ(body["data"].size(), 2u);
  EXPECT_EQ(body["data"][0]["seed"], 7);
  EXPECT_EQ(body["data"][1]["seed"], 8);
  EXPECT_EQ(body["model"], "tiny-alt");
  EXPECT_EQ(picture(body["data"][1]).width, 64);
}

TEST(Serve, AnswersTheSameRequestWithTheSameBytes) {
  const ServerProgram server;
  const char* request = R"({"prompt":"一只戴帽子的猫","seed":7})";
  const Answer first = post(server.port(), kGenerations, request, kPng);
  const Answer second = post(server.port(), kGenerations, request, kPng);
  ASSERT_EQ(first.status, 200) << first.body;
  EXPECT_EQ(first.body, second.body);
  EXPECT_EQ(first.header("X-Seed"), "7");
  EXPECT_EQ(first.header("Content-Type"), "image/png");
}

TEST(Serve, PaintsWhatTheCommandLinePaints) {
  const ServerProgram server;
  const Answer answer = post(server.port(), kGenerations, R"({"prompt":"cat","seed":3})", kPng);
  const TemporaryFolder folder;
  std::vector<std::string> arguments = tiny_model();
  arguments.insert(arguments.begin(),
                   {"generate", "--seed", "3", "-o", (folder / "a.png").string()});
  arguments.push_back("cat");
  ASSERT_EQ(run_program(arguments).exit_code, 0);
  EXPECT_EQ(answer.body, read_file(folder / "a.png", 1 << 24));
}

TEST(Serve, PaintsAPictureOfABatchAsItWouldAlone) {
  const ServerProgram server;
  const Json batch =
      parsed(post(server.port(), kGenerations, R"({"prompt":"a dog","n":4,"seed":10})"));
  const Json alone = parsed(post(server.port(), kGenerations, R"({"prompt":"a dog","seed":12})"));
  EXPECT_GE(test::psnr(picture(batch["data"][2]), picture(alone["data"][0])), 55);
  EXPECT_LT(test::psnr(picture(batch["data"][1]), picture(alone["data"][0])), 55);
}

TEST(Serve, StreamsPreviewsAndThePicture) {
  const ServerProgram server;
  const Answer answer = post(server.port(), kGenerations,
                             R"({"prompt":"a dog","stream":true,"partial_images":2,"seed":1})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.header("Content-Type").substr(0, 17), "text/event-stream");
  const std::size_t partial = answer.body.find("image_generation.partial_image");
  const std::size_t completed = answer.body.find("image_generation.completed");
  ASSERT_NE(completed, std::string::npos) << answer.body;
  EXPECT_LT(partial, completed);
  EXPECT_THAT(answer.body, testing::EndsWith("data: [DONE]\n\n"));
}

TEST(Serve, RunsJobsInTheBackground) {
  const ServerProgram server;
  const Answer accepted = post(server.port(), "/v1/jobs", R"({"prompt":"a dog","seed":4})");
  ASSERT_EQ(accepted.status, 202) << accepted.body;
  const std::string path = "/v1/jobs/" + parsed(accepted)["id"].get<std::string>();
  EXPECT_TRUE(
      eventually([&] { return parsed(get(server.port(), path))["status"] == "succeeded"; }));
  const Answer result = get(server.port(), path + "/result", kPng);
  EXPECT_EQ(result.status, 200);
  EXPECT_EQ(result.body,
            post(server.port(), kGenerations, R"({"prompt":"a dog","seed":4})", kPng).body);
}

TEST(Serve, RefusesMoreThanTheQueueHolds) {
  std::vector<std::string> options = kLongJobsAllowed;
  options.insert(options.end(), {"--queue-capacity", "1", "--max-batch", "1"});
  const ServerProgram server(options);
  Answer answer;
  for (int i = 0; i < 3 && answer.status != 429; ++i) {
    answer = post(server.port(), "/v1/jobs", kLongJob);
  }
  ASSERT_EQ(answer.status, 429) << answer.body;
  EXPECT_EQ(parsed(answer)["error"]["code"], "queue_full");
  EXPECT_EQ(parsed(answer)["error"]["type"], "rate_limit_error");
  const int seconds = std::stoi(answer.header("Retry-After"));
  EXPECT_GE(seconds, 1);
  EXPECT_LE(seconds, 120);
}

TEST(Serve, StopsPaintingForAClientThatWentAway) {
  const ServerProgram server(kLongJobsAllowed);
  {
    RawConnection client(server.port());
    ASSERT_TRUE(client.send(generation_request(kLongJob)));
    ASSERT_TRUE(eventually([&] { return jobs_running(server, 1); }));
  }
  ASSERT_TRUE(eventually([&] { return jobs_running(server, 0); }));
  const Json job = parsed(get(server.port(), "/v1/jobs"))["data"][0];
  EXPECT_EQ(job["status"], "canceled");
  EXPECT_LT(job["step"], job["steps"]);
}

TEST(Serve, CancelsARunningJob) {
  const ServerProgram server(kLongJobsAllowed);
  const Json accepted = parsed(post(server.port(), "/v1/jobs", kLongJob));
  const std::string path = "/v1/jobs/" + accepted["id"].get<std::string>();
  ASSERT_TRUE(eventually([&] { return jobs_running(server, 1); }));
  EXPECT_EQ(parsed(remove(server.port(), path))["canceled"], true);
  ASSERT_TRUE(eventually([&] { return parsed(get(server.port(), path))["status"] == "canceled"; }));
  EXPECT_EQ(remove(server.port(), path).status, 200) << "cancelling twice is no mistake";
}

TEST(Serve, TellsOperatorsHowItIs) {
  const ServerProgram server;
  EXPECT_EQ(get(server.port(), "/livez").status, 200);
  EXPECT_EQ(get(server.port(), "/metrics").status, 404) << "they are on the operator's port";
  const Answer metrics = get(server.admin_port(), "/metrics");
  EXPECT_EQ(metrics.status, 200);
  EXPECT_THAT(metrics.body, HasSubstr("bafa_queue_capacity"));
  EXPECT_EQ(parsed(get(server.port(), "/v1/models"))["data"][0]["id"], "tiny-alt");
  EXPECT_THAT(get(server.port(), "/").header("Content-Type"), HasSubstr("text/html"));
}

}  // namespace
}  // namespace bafa::e2e
