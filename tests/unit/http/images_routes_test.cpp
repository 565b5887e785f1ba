#include "http/images_routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "support/decode_image.h"
#include "support/route_harness.h"

namespace bafa::http {
namespace {

using test::RouteHarness;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

constexpr const char* kPath = "/v1/images/generations";
const RouteHarness::Fields kPng = {{"Accept", "image/png"}};

Json body(const Json& more = {}) {
  Json json = {{"prompt", "a cat"}, {"size", "16x16"}, {"seed", 7}};
  json.update(more.is_null() ? Json::object() : more);
  return json;
}

Json error_of(const HttpResponse& response) { return RouteHarness::json_of(response)["error"]; }

class ImagesRoutes : public testing::Test {
 protected:
  static Config config() {
    Config config;
    config.queue.capacity = 1;
    config.queue.max_batch = 1;
    return config;
  }

  // Holds the next job at its first step and returns its id.
  JobId hold_a_job() {
    harness_.gate.close();
    const JobId id = harness_.submit(body({{"seed", 1}}));
    harness_.gate.wait_until_held();
    return id;
  }

  RouteHarness harness_{config()};
};

TEST_F(ImagesRoutes, AnswerWithEveryPictureAndItsSeed) {
  const HttpResponse response = harness_.post(kPath, body({{"n", 2}}));
  ASSERT_EQ(response.status, 200);
  const Json json = RouteHarness::json_of(response);
  EXPECT_EQ(json["model"], "fake");
  EXPECT_EQ(json["size"], "16x16");
  EXPECT_EQ(json["output_format"], "png");
  ASSERT_EQ(json["data"].size(), 2u);
  EXPECT_EQ(json["data"][1]["seed"], 8);
  EXPECT_FALSE(json["data"][0].contains("url"));
  EXPECT_THAT(RouteHarness::header(response, "X-Job-Id"), MatchesRegex("[0-9a-f]{32}"));
}

TEST_F(ImagesRoutes, TellTheSeedThatTheyChose) {
  const Json json = RouteHarness::json_of(harness_.post(kPath, {{"prompt", "a cat"}}));
  EXPECT_EQ(json["data"][0]["seed"], 42);
}

TEST_F(ImagesRoutes, AnswerWithABarePictureWhereOneIsAccepted) {
  const HttpResponse response = harness_.post(kPath, body(), kPng);
  ASSERT_EQ(response.status, 200);
  EXPECT_EQ(RouteHarness::header(response, "Content-Type"), "image/png");
  EXPECT_EQ(RouteHarness::header(response, "X-Seed"), "7");
  EXPECT_NE(RouteHarness::header(response, "X-Duration-Ms"), "");
  EXPECT_NE(RouteHarness::header(response, "X-Job-Id"), "");
  EXPECT_EQ(test::decode_png(std::string(response.bytes())).width, 16);

  const HttpResponse two = harness_.post(kPath, body({{"n", 2}}), kPng);
  EXPECT_EQ(two.status, 400);
  EXPECT_EQ(error_of(two)["param"], "n");
  EXPECT_EQ(harness_.post(kPath, body(), {{"Accept", "text/html"}}).status, 406);
}

TEST_F(ImagesRoutes, HandPicturesOverByAddress) {
  const HttpResponse response =
      harness_.post(kPath, body({{"response_format", "url"}, {"n", 2}, {"output_format", "webp"}}));
  const Json json = RouteHarness::json_of(response);
  const std::string url = json["data"][1]["url"];
  EXPECT_FALSE(json["data"][1].contains("b64_json"));
  ASSERT_THAT(url, MatchesRegex("http://localhost:7860/v1/images/files/[0-9a-f]{32}/1\\.webp"));
  const std::string path = url.substr(std::string("http://localhost:7860").size());
  const HttpResponse file = harness_.get(path);
  ASSERT_EQ(file.status, 200);
  EXPECT_EQ(RouteHarness::header(file, "Content-Type"), "image/webp");
  EXPECT_EQ(RouteHarness::header(file, "X-Seed"), "8");
  EXPECT_EQ(test::decode_webp(std::string(file.bytes())).width, 16);
}

TEST_F(ImagesRoutes, GiveAddressesThatLeadThroughTheProxysTls) {
  HttpRequest request =
      RouteHarness::request("POST", kPath, body({{"response_format", "url"}}).dump());
  request.secure = true;
  const Json json = RouteHarness::json_of(harness_.call(std::move(request)));
  EXPECT_THAT(json["data"][0]["url"].get<std::string>(), StartsWith("https://localhost:7860/v1/"));
}

TEST_F(ImagesRoutes, KnowNoOtherFiles) {
  const Json json = RouteHarness::json_of(harness_.post(kPath, body({{"response_format", "url"}})));
  const std::string folder = "/v1/images/files/" + json["id"].get<std::string>() + "/";
  EXPECT_EQ(harness_.get(folder + "0.png").status, 200);
  for (const char* file : {"1.png", "-1.png", "00000.png", "0.gif", "0", "0.", ".png", "0.png.png",
                           "0x0.png", "18446744073709551616.png", "%30.png%00", "0.PNG"}) {
    const HttpResponse response = harness_.get(folder + file);
    EXPECT_EQ(response.status, 404) << file;
  }
  EXPECT_EQ(harness_.get("/v1/images/files/" + std::string(32, '0') + "/0.png").status, 404);
  EXPECT_EQ(harness_.get("/v1/images/files/..%2f..%2fetc/passwd.png").status, 404);
}

TEST_F(ImagesRoutes, ForgetFilesAfterTheirTime) {
  const Json json = RouteHarness::json_of(harness_.post(kPath, body({{"response_format", "url"}})));
  const std::string file = "/v1/images/files/" + json["id"].get<std::string>() + "/0.png";
  harness_.clock.advance(config().results.ttl - std::chrono::seconds(1));
  EXPECT_EQ(harness_.get(file).status, 200);
  harness_.age_until(404, file);
  EXPECT_EQ(error_of(harness_.get(file))["code"], "file_not_found");
}

TEST_F(ImagesRoutes, HaveNoFileOfAPictureThatIsBeingPainted) {
  const JobId id = hold_a_job();
  EXPECT_EQ(harness_.get("/v1/images/files/" + id + "/0.png").status, 404);
}

TEST_F(ImagesRoutes, StreamPartialImagesAndTheEnd) {
  const HttpResponse response =
      harness_.post(kPath, body({{"stream", true}, {"partial_images", 1}, {"steps", 4}}));
  EXPECT_THAT(RouteHarness::header(response, "Content-Type"), HasSubstr("text/event-stream"));
  EXPECT_EQ(RouteHarness::header(response, "X-Accel-Buffering"), "no");
  const std::string events = RouteHarness::stream_of(response);
  EXPECT_THAT(events, HasSubstr("event: image_generation.completed\n"));
  EXPECT_TRUE(events.ends_with("data: [DONE]\n\n")) << events.substr(events.size() - 100);
  EXPECT_EQ(harness_.post(kPath, body({{"stream", true}}), kPng).status, 406);
}

TEST_F(ImagesRoutes, NameAJobInsteadOfWaitingForIt) {
  const HttpResponse response = harness_.post(kPath, body(), {{"Prefer", "wait=1, respond-async"}});
  EXPECT_EQ(response.status, 202);
  EXPECT_THAT(RouteHarness::header(response, "Location"), MatchesRegex("/v1/jobs/[0-9a-f]{32}"));
  EXPECT_EQ(RouteHarness::header(response, "Preference-Applied"), "respond-async");
}

TEST_F(ImagesRoutes, SayWhatTheyIgnore) {
  const HttpResponse response =
      harness_.post(kPath, body({{"quality", "hd"}, {"user", "me"}, {"partial_images", 1}}));
  EXPECT_EQ(response.status, 200);
  const std::string ignored = RouteHarness::header(response, "X-Ignored-Params");
  for (const char* field : {"quality", "user", "partial_images"})
    EXPECT_THAT(ignored, HasSubstr(field));
}

TEST_F(ImagesRoutes, RefuseBadFieldsByNameAndPaintNothing) {
  for (const auto& [more, param] : {std::pair<Json, std::string>{{{"n", 99}}, "n"},
                                    {{{"steps", 0}}, "steps"},
                                    {{{"size", "99999x99999"}}, "size"},
                                    {{{"seed", 1.5}}, "seed"},
                                    {{{"prompt", nullptr}}, "prompt"}}) {
    const HttpResponse response = harness_.post(kPath, body(more));
    EXPECT_EQ(response.status, 400) << more;
    EXPECT_EQ(error_of(response)["param"], param) << more;
  }
  EXPECT_EQ(harness_.call(RouteHarness::request("POST", kPath, "")).status, 400);
  EXPECT_THAT(harness_.log().calls(), testing::IsEmpty());
}

// The story: a megabyte of unknown fields was read, understood and ignored, for half a second.
TEST_F(ImagesRoutes, RefuseABodyOfTooManyValues) {
  for (const char* piece : {"0,", "[],", "\"\",", "{},"}) {
    std::string many = R"({"prompt":"x","extra":[)";
    while (many.size() < 1'000'000) many += piece;
    const HttpResponse response = harness_.call(RouteHarness::request("POST", kPath, many + "0]}"));
    EXPECT_EQ(response.status, 400) << piece;
    EXPECT_THAT(std::string(response.bytes()), HasSubstr("more than 10000 values"));
  }
}

TEST_F(ImagesRoutes, RefuseMoreThanTheQueueHolds) {
  hold_a_job();
  harness_.submit(body({{"seed", 2}}));
  const HttpResponse response = harness_.post(kPath, body({{"seed", 3}}));
  EXPECT_EQ(response.status, 429);
  EXPECT_EQ(error_of(response)["code"], "queue_full");
  EXPECT_GE(std::stoi(RouteHarness::header(response, "Retry-After")), 1);
}

TEST_F(ImagesRoutes, CancelTheJobOfACallerThatLeaves) {
  harness_.gate.close();
  HttpRequest request = RouteHarness::request("POST", kPath, body().dump());
  request.client_connected = [] { return false; };
  const HttpResponse response = harness_.call(request);
  EXPECT_EQ(response.status, 499);
  harness_.gate.open();
  const JobId id = RouteHarness::json_of(harness_.get("/v1/jobs"))["data"][0]["id"];
  EXPECT_EQ(harness_.wait_for_end(id).state, JobState::canceled);
}

TEST_F(ImagesRoutes, CancelTheJobOfAListenerThatLeaves) {
  harness_.gate.close();
  JobId id;
  {
    const HttpResponse response = harness_.post(kPath, body({{"stream", true}}));
    id = RouteHarness::header(response, "X-Job-Id");
    test::RecordingSink sink;
    sink.connected = false;
    response.stream(sink);
  }
  harness_.gate.open();
  EXPECT_EQ(harness_.wait_for_end(id).state, JobState::canceled);
}

TEST_F(ImagesRoutes, PaintOnceUnderOneKey) {
  const RouteHarness::Fields key = {{"Idempotency-Key", "k1"}};
  const HttpResponse first = harness_.post(kPath, body(), key);
  EXPECT_EQ(RouteHarness::header(first, "Idempotent-Replayed"), "");
  const HttpResponse again = harness_.post(kPath, body(), key);
  EXPECT_EQ(RouteHarness::header(again, "Idempotent-Replayed"), "true");
  EXPECT_EQ(again.bytes(), first.bytes());
  EXPECT_EQ(harness_.log().calls(test::CallKind::begin).size(), 1u);

  const HttpResponse other = harness_.post(kPath, body({{"seed", 8}}), key);
  EXPECT_EQ(other.status, 422);
  EXPECT_EQ(RouteHarness::header(other, "x-should-retry"), "false");
  EXPECT_EQ(harness_.post(kPath, body(), {{"Idempotency-Key", "a b"}}).status, 400);
  EXPECT_EQ(harness_.post(kPath, body({{"request_id", "k2"}}), key).status, 400);
}

TEST_F(ImagesRoutes, GiveAPriorityToThoseWhoMayHaveIt) {
  HttpRequest request = RouteHarness::request("POST", kPath, body({{"priority", "high"}}).dump());
  EXPECT_EQ(harness_.call(request).status, 200);
  request.identity = {.tenant = "alice", .highest_priority = Priority::normal};
  const HttpResponse response = harness_.call(request);
  EXPECT_EQ(response.status, 403);
  EXPECT_EQ(error_of(response)["code"], "priority_not_allowed");
}

}  // namespace
}  // namespace bafa::http
