#include "http/jobs_routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "support/decode_image.h"
#include "support/route_harness.h"

namespace bafa::http {
namespace {

using test::RouteHarness;
using testing::HasSubstr;
using testing::Not;

const Json kBody = {{"prompt", "a secret cat"}, {"size", "16x16"}, {"seed", 7}, {"steps", 4}};

Json with(const Json& more) {
  Json json = kBody;
  json.update(more);
  return json;
}

class JobsRoutes : public testing::Test {
 protected:
  JobId finished_job(const Json& body = kBody) {
    const JobId id = harness_.submit(body);
    harness_.wait_for_end(id);
    return id;
  }
  // Holds the next job at its first step.
  JobId held_job() {
    harness_.gate.close();
    const JobId id = harness_.submit(kBody);
    harness_.gate.wait_until_held();
    return id;
  }
  Json get(const std::string& target) { return RouteHarness::json_of(harness_.get(target)); }
  int status(const std::string& method, const std::string& target, const std::string& tenant = "") {
    HttpRequest request = RouteHarness::request(method, target);
    request.identity.tenant = tenant;
    return harness_.call(request).status;
  }

  RouteHarness harness_;
};

TEST_F(JobsRoutes, TakeAJobAndSayWhereToGoOn) {
  const HttpResponse response = harness_.post("/v1/jobs", kBody);
  EXPECT_EQ(response.status, 202);
  const Json json = RouteHarness::json_of(response);
  const std::string path = "/v1/jobs/" + json["id"].get<std::string>();
  EXPECT_EQ(RouteHarness::header(response, "Location"), path);
  EXPECT_EQ(json["status_url"], path);
  EXPECT_EQ(json["result_url"], path + "/result");
  EXPECT_EQ(json["events_url"], path + "/events");
  EXPECT_EQ(json["cancel_url"], path + "/cancel");
  EXPECT_EQ(json["seed"], 7);
}

TEST_F(JobsRoutes, RefuseFieldsThatTheyDoNotKnow) {
  const HttpResponse response = harness_.post("/v1/jobs", with({{"promt", "x"}}));
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(RouteHarness::json_of(response)["error"]["param"], "promt");
}

TEST_F(JobsRoutes, RepeatNoMarkupThatTheyWereSent) {
  const HttpResponse response = harness_.post("/v1/jobs", with({{"<script>alert(1)</script>", 1}}));
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(std::string(response.bytes()), Not(HasSubstr("<")));
}

TEST_F(JobsRoutes, ShowAJobWithoutItsPromptUnlessAsked) {
  const std::string path = "/v1/jobs/" + finished_job();
  const Json json = get(path);
  EXPECT_EQ(json["status"], "succeeded");
  EXPECT_EQ(json["step"], 4);
  EXPECT_EQ(json["steps"], 4);
  EXPECT_EQ(json["position"], 0);
  EXPECT_TRUE(json["error"].is_null());
  for (const char* field : {"created_at", "started_at", "finished_at"})
    EXPECT_TRUE(json[field].is_number_integer()) << field;
  EXPECT_THAT(json.dump(), Not(HasSubstr("secret")));
  EXPECT_THAT(get(path + "?include=params").dump(), HasSubstr("a secret cat"));
  EXPECT_EQ(status("GET", path + "?include=all"), 400);
}

TEST_F(JobsRoutes, ShowAJobUnderWay) {
  const Json json = get("/v1/jobs/" + held_job());
  EXPECT_EQ(json["status"], "running");
  EXPECT_EQ(json["phase"], "denoise");
  EXPECT_EQ(json["step"], 0);
  const Json waiting = get("/v1/jobs/" + harness_.submit(with({{"size", "32x32"}, {"n", 4}})));
  EXPECT_EQ(waiting["status"], "queued");
  EXPECT_EQ(waiting["position"], 1);
}

TEST_F(JobsRoutes, HideTheJobsOfOthers) {
  const JobId id = finished_job();
  for (const char* rest : {"", "/result", "/events"})
    EXPECT_EQ(status("GET", "/v1/jobs/" + id + rest, "mallory"), 404) << rest;
  EXPECT_EQ(status("DELETE", "/v1/jobs/" + id, "mallory"), 404);
  EXPECT_EQ(status("POST", "/v1/jobs/" + id + "/cancel", "mallory"), 404);
  HttpRequest list = RouteHarness::request("GET", "/v1/jobs");
  list.identity.tenant = "mallory";
  EXPECT_EQ(RouteHarness::json_of(harness_.call(list))["data"].size(), 0u);
}

TEST_F(JobsRoutes, TellForgottenJobsFromThoseThatNeverWere) {
  const std::string path = "/v1/jobs/" + finished_job();
  harness_.clock.advance(ResultsConfig().ttl);
  harness_.age_until(410, path);
  for (const char* rest : {"", "/result", "/events"})
    EXPECT_EQ(status("GET", path + rest), 410) << rest;
  EXPECT_EQ(status("GET", "/v1/jobs/" + std::string(32, '0')), 404);
  EXPECT_EQ(status("GET", "/v1/jobs/" + std::string(2000, 'a')), 404);
}

TEST_F(JobsRoutes, ListPagesOfJobs) {
  JobId ids[3];
  for (JobId& id : ids) id = finished_job();
  const Json first = get("/v1/jobs?limit=2");
  EXPECT_EQ(first["object"], "list");
  EXPECT_EQ(first["data"][0]["id"], ids[2]) << "the newest first";
  EXPECT_EQ(first["data"].size(), 2u);
  EXPECT_EQ(first["has_more"], true);
  const Json second = get("/v1/jobs?limit=2&after=" + ids[1]);
  EXPECT_EQ(second["data"].size(), 1u);
  EXPECT_EQ(second["has_more"], false);
  EXPECT_EQ(get("/v1/jobs?status=failed")["data"].size(), 0u);
  EXPECT_EQ(get("/v1/jobs?status=succeeded")["data"].size(), 3u);
  EXPECT_THAT(first.dump(), Not(HasSubstr("secret")));
  for (const char* query : {"limit=0", "limit=101", "limit=-1", "limit=1.5", "limit=", "limit=x",
                            "limit=99999999999", "status=done", "status=", "limit=1&limit=2"})
    EXPECT_EQ(status("GET", "/v1/jobs?" + std::string(query)), 400) << query;
}

TEST_F(JobsRoutes, HandAResultOver) {
  const std::string path = "/v1/jobs/" + finished_job(with({{"n", 2}})) + "/result";
  EXPECT_EQ(get(path)["data"].size(), 2u);
  const HttpResponse one = harness_.get(path + "?index=1", {{"Accept", "image/png"}});
  EXPECT_EQ(one.status, 200);
  EXPECT_EQ(RouteHarness::header(one, "X-Seed"), "8");
  EXPECT_EQ(test::decode_png(std::string(one.bytes())).width, 16);
  for (const char* index : {"2", "-1", "x", "", "1.0", "99999999999"})
    EXPECT_EQ(status("GET", path + "?index=" + index), 400) << index;
  EXPECT_EQ(harness_.get(path, {{"Accept", "image/png"}}).status, 400) << "two are not one";
  EXPECT_EQ(harness_.get(path, {{"Accept", "text/html"}}).status, 406);
}

TEST_F(JobsRoutes, AskForPatienceWhileAResultIsNotThere) {
  const HttpResponse response = harness_.get("/v1/jobs/" + held_job() + "/result");
  EXPECT_EQ(response.status, 202);
  const int seconds = std::stoi(RouteHarness::header(response, "Retry-After"));
  EXPECT_GE(seconds, 1);
  EXPECT_LE(seconds, 120);
}

TEST_F(JobsRoutes, AnswerForAFailedJobWithItsError) {
  harness_.log().hook = [](const test::FakeCall& call) {
    if (call.kind == test::CallKind::step)
      throw Error(ErrorCode::non_finite_output, "the picture has no colours");
  };
  const std::string path = "/v1/jobs/" + finished_job();
  EXPECT_EQ(get(path)["status"], "failed");
  EXPECT_EQ(get(path)["error"]["code"], "non_finite_output");
  EXPECT_EQ(status("GET", path + "/result"), 500);
}

TEST_F(JobsRoutes, CancelAsOftenAsTheyAreAsked) {
  const std::string path = "/v1/jobs/" + held_job();
  const HttpResponse first = harness_.call(RouteHarness::request("DELETE", path));
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(RouteHarness::json_of(first)["canceled"], true);
  harness_.gate.open();
  harness_.wait_for_end(path.substr(9));
  const HttpResponse again = harness_.call(RouteHarness::request("POST", path + "/cancel"));
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(RouteHarness::json_of(again)["status"], "canceled");
  const HttpResponse finished =
      harness_.call(RouteHarness::request("DELETE", "/v1/jobs/" + finished_job()));
  EXPECT_EQ(finished.status, 200);
  EXPECT_EQ(RouteHarness::json_of(finished)["canceled"], false);
  EXPECT_EQ(RouteHarness::json_of(finished)["status"], "succeeded");
  EXPECT_EQ(status("DELETE", "/v1/jobs/" + std::string(32, '0')), 404);
}

TEST_F(JobsRoutes, TellTheEventsOfAJob) {
  const std::string path = "/v1/jobs/" + finished_job() + "/events";
  const HttpResponse response = harness_.get(path);
  const std::string events = RouteHarness::stream_of(response);
  EXPECT_THAT(events, HasSubstr("event: succeeded\n"));
  const std::size_t id = events.rfind("id: ") + 4;
  const std::string last = events.substr(id, events.find('\n', id) - id);
  EXPECT_EQ(harness_.get(path, {{"Last-Event-ID", last}}).status, 204)
      << "what stops an EventSource from asking again";
}

}  // namespace
}  // namespace bafa::http
