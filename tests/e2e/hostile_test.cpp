// The real program among clients that are slow, many, impatient or strangers. Loops are bounded and
// stay on this machine; what a listener does to the byte is in tests/unit/http.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
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
constexpr const char* kLongJob = R"({"prompt":"slow","steps":1000,"size":"256x256","seed":1})";
const std::vector<std::string> kLongJobs = {"--set", "limits.max_steps=1000", "--max-batch", "1"};

using Connections = std::vector<std::unique_ptr<RawConnection>>;

// From many addresses, so that the cap of all is reached before that of one.
Connections connect_many(int port, int count, const std::string& request) {
  Connections connections;
  for (int i = 0; i < count; ++i) {
    connections.push_back(
        std::make_unique<RawConnection>(port, "127.0.0." + std::to_string(2 + i % 12)));
    connections.back()->send(request);
  }
  return connections;
}

Json parsed(const Answer& answer) { return parse_json(answer.body, {.max_bytes = 1 << 26}); }

std::string path_of(const Answer& accepted) {
  return "/v1/jobs/" + parsed(accepted)["id"].get<std::string>();
}

bool has_status(const ServerProgram& server, const std::string& path, const char* status) {
  return eventually([&] { return parsed(get(server.port(), path))["status"] == status; });
}

TEST(Hostile, MoreSlowClientsThanConnectionsKeepNobodyOut) {
  const ServerProgram server({"--log-level", "error"});
  const std::string body_begins =
      "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Content-Length: 99\r\n\r\n{";
  for (const std::string& begin : {std::string("G"), body_begins}) {
    const Connections slow = connect_many(server.port(), 560, begin);
    EXPECT_EQ(get(server.port(), "/livez").status, 200);
    // A body has a second to arrive before it must make room.
    EXPECT_TRUE(eventually([&] { return get(server.port(), "/v1/queue").status == 200; }));
    for (int i = 0; i < 20; ++i) {
      EXPECT_EQ(get(server.port(), "/livez").status, 200);
      EXPECT_EQ(get(server.port(), "/v1/queue").status, 200);
      slow[static_cast<std::size_t>(i)]->send(" ");
    }
  }
  EXPECT_EQ(post(server.port(), kGenerations, R"({"prompt":"x"})").status, 200);
}

TEST(Hostile, ManyListenersOfOneJobLeaveRoomForPollsAndItsCancel) {
  const ServerProgram server(kLongJobs);
  const std::string path = path_of(post(server.port(), "/v1/jobs", kLongJob));
  const Connections listeners = connect_many(
      server.port(), 500,
      "GET " + path + "/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  std::set<std::string> seen;
  for (int i = 0; i < 500; ++i) {
    const Answer answer = get(server.port(), path);
    ASSERT_EQ(answer.status, 200);
    seen.insert(parsed(answer)["status"]);
  }
  EXPECT_TRUE(seen.contains("running")) << "it is painted all the same";
  EXPECT_EQ(remove(server.port(), path).status, 200);
  EXPECT_TRUE(has_status(server, path, "canceled"));
  int told = 0;
  int refused = 0;
  for (const auto& listener : listeners) {
    const std::string stream = listener->read_to_end();
    told += stream.find("event: canceled") != std::string::npos;
    refused += stream.starts_with("HTTP/1.1 429");
  }
  EXPECT_GT(told, 100);
  EXPECT_GT(refused, 0) << "there are more than may wait";
  EXPECT_EQ(told + refused, 500);
}

TEST(Hostile, AKeyUsedManyTimesAtOncePaintsOnce) {
  const ServerProgram server;
  const auto ask = [port = server.port()](const char* body) {
    return post(port, kGenerations, body, {{"Idempotency-Key", "one"}});
  };
  std::vector<std::future<Answer>> answers;
  for (int i = 0; i < 30; ++i)
    answers.push_back(std::async(std::launch::async, ask, R"({"prompt":"x","seed":5})"));
  std::set<std::string> ids;
  for (auto& answer : answers) {
    const Answer got = answer.get();
    ASSERT_EQ(got.status, 200) << got.body;
    ids.insert(got.header("X-Job-Id"));
  }
  EXPECT_EQ(ids.size(), 1u);
  EXPECT_EQ(parsed(get(server.port(), "/v1/jobs"))["data"].size(), 1u);
  EXPECT_EQ(ask(R"({"prompt":"y","seed":5})").status, 422);
}

TEST(Hostile, AWaitingClientThatLeavesGivesItsPlaceBack) {
  const ServerProgram server(kLongJobs);
  const std::string running = path_of(post(server.port(), "/v1/jobs", kLongJob));
  ASSERT_TRUE(has_status(server, running, "running"));
  const auto depth = [&](int count) {
    return eventually([&] { return parsed(get(server.port(), "/v1/queue"))["depth"] == count; });
  };
  {
    RawConnection leaves(server.port());
    leaves.send(generation_request(kLongJob));
    ASSERT_TRUE(depth(1));
  }
  EXPECT_TRUE(depth(0));
  RawConnection resets(server.port());
  resets.send(generation_request(kLongJob));
  ASSERT_TRUE(depth(1));
  resets.reset();
  EXPECT_TRUE(depth(0));
  EXPECT_EQ(remove(server.port(), running).status, 200);
}

TEST(Hostile, ABodyThatEndsEarlyIsNoJob) {
  const ServerProgram server;
  RawConnection client(server.port());
  std::string request = generation_request(R"({"prompt":"x"})");
  request.pop_back();
  client.send(request);
  client.end_sending();
  EXPECT_TRUE(client.is_closed());
  EXPECT_EQ(parsed(get(server.port(), "/v1/jobs"))["data"].size(), 0u);
}

TEST(Hostile, PromptsOfAnyTextArePaintedOrRefusedByLength) {
  const ServerProgram server({"--log-level", "error"});
  for (const std::string prompt : {"", "\u0301\u0301\u0301", "\u202Eabc \u05D0\u05D1", "a\\u0000b",
                                   "\U0001F469\u200D\U0001F469\u200D\U0001F467", "\uFEFF\uFFFF",
                                   "<|im_end|></s><pad>{{7*7}}", "../../etc/passwd"}) {
    const Answer answer =
        post(server.port(), kGenerations, "{\"steps\":1,\"prompt\":\"" + prompt + "\"}");
    EXPECT_EQ(answer.status, 200) << prompt << answer.body;
  }
  const Answer megabyte =
      post(server.port(), kGenerations, "{\"prompt\":\"" + std::string(1'000'000, 'a') + "\"}");
  EXPECT_EQ(megabyte.status, 400);
  EXPECT_EQ(parsed(megabyte)["error"]["param"], "prompt");
}

TEST(Hostile, StrangersAndNeighboursGetNothing) {
  const TemporaryFolder folder;
  write_file(folder / "keys.json",
             R"({"keys":[{"name":"alice","key":"alice-0123456789"},
                         {"name":"bob","key":"bob-0123456789abc"}]})");
  const ServerProgram server({"--keys", (folder / "keys.json").string(), "--log-level", "trace"});
  const Headers alice = {{"Authorization", "Bearer alice-0123456789"}};
  const Headers bob = {{"Authorization", "Bearer bob-0123456789abc"}};
  const std::string body = R"({"prompt":"canary-4711"})";
  for (const Headers& headers :
       {Headers(), Headers{{"Authorization", ""}}, Headers{{"Authorization", "Token x"}},
        Headers{{"Authorization", "Bearer alice-012345678"}},
        Headers{{"X-Forwarded-For", "127.0.0.1"}, {"X-Api-Key", "alice-0123456789"}}})
    EXPECT_EQ(post(server.port(), kGenerations, body, headers).status, 401);
  EXPECT_EQ(get(server.port(), "/v1/jobs?key=alice-0123456789").status, 401);

  const Answer accepted = post(server.port(), "/v1/jobs", body, alice);
  ASSERT_EQ(accepted.status, 202) << accepted.body;
  const std::string path = path_of(accepted);
  EXPECT_EQ(get(server.port(), path, alice).status, 200);
  for (const char* rest : {"", "/result", "/events"})
    EXPECT_EQ(get(server.port(), path + rest, bob).status, 404) << rest;
  EXPECT_EQ(post(server.port(), path + "/cancel", "{}", bob).status, 404);
  EXPECT_EQ(parsed(get(server.port(), "/v1/jobs", bob))["data"].size(), 0u);
  EXPECT_THAT(get(server.port(), "/v1/jobs?include=params", bob).body, Not(HasSubstr("canary")));
  EXPECT_THAT(server.log(), Not(HasSubstr("canary")));
  EXPECT_THAT(server.log(), Not(HasSubstr("0123456789"))) << "nor any key";
}

}  // namespace
}  // namespace bafa::e2e
