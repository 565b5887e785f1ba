#include "http/server_routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "support/route_harness.h"

namespace bafa::http {
namespace {

using test::RouteHarness;
using testing::HasSubstr;
using testing::Not;

class ServerRoutes : public testing::Test {
 protected:
  Json get(const std::string& path) { return RouteHarness::json_of(harness_.get(path)); }

  RouteHarness harness_;
};

TEST_F(ServerRoutes, ListTheModelAndWhatItCanDo) {
  const Json list = get("/v1/models");
  ASSERT_EQ(list["data"].size(), 1u);
  EXPECT_EQ(list["object"], "list");
  EXPECT_EQ(list["has_more"], false);
  const Json model = get("/v1/models/fake");
  EXPECT_EQ(model, list["data"][0]);
  EXPECT_EQ(model["object"], "model");
  EXPECT_EQ(model["capabilities"]["width"], (Json{{"default", 16}, {"max", 1024}, {"min", 8}}));
  EXPECT_EQ(model["capabilities"]["max_pixels"], 1 << 20);
}

TEST_F(ServerRoutes, KnowNoOtherModel) {
  const HttpResponse response = harness_.get("/v1/models/gpt");
  EXPECT_EQ(response.status, 404);
  EXPECT_THAT(RouteHarness::json_of(response)["error"]["message"].get<std::string>(),
              Not(HasSubstr("gpt")));
}

TEST_F(ServerRoutes, TellHowLongTheQueueIs) {
  harness_.gate.close();
  harness_.submit({{"prompt", "x"}, {"n", 4}});
  harness_.gate.wait_until_held();
  harness_.submit({{"prompt", "y"}});
  const Json queue = get("/v1/queue");
  EXPECT_EQ(queue["running"], 1);
  EXPECT_EQ(queue["depth"], 1);
  EXPECT_EQ(queue["capacity"], 10);
  EXPECT_TRUE(queue["eta_seconds"].is_number());
}

TEST_F(ServerRoutes, TellWhatTheGpuTells) {
  const Json device = get("/v1/queue")["device"];
  EXPECT_EQ(device["utilization"], 0.5);
  EXPECT_TRUE(device["temperature_celsius"].is_null());
  EXPECT_THAT(std::string(harness_.get("/metrics").bytes()),
              HasSubstr("bafa_gpu_utilization_ratio 0.5"));
  harness_.device_readings.reset();
  EXPECT_TRUE(get("/v1/queue")["device"].is_null());
}

TEST_F(ServerRoutes, AreReadyUntilTheyDrain) {
  for (const char* path : {"/readyz", "/health", "/v2/health/ready"})
    EXPECT_EQ(harness_.get(path).status, 200) << path;
  harness_.job_engine().drain();
  const HttpResponse response = harness_.get("/readyz");
  EXPECT_EQ(response.status, 503);
  EXPECT_NE(RouteHarness::header(response, "Retry-After"), "");
  EXPECT_EQ(RouteHarness::json_of(response)["error"]["code"], "draining");
  EXPECT_EQ(harness_.get("/livez").status, 200) << "alive all the same";
}

TEST_F(ServerRoutes, TellTheOperatorTheMemoryPlanAndWhatWasMeasured) {
  const Json memory = get("/admin/memory");
  EXPECT_EQ(memory["budget_bytes"], 64 << 20);
  EXPECT_EQ(memory["level"], "turns");
  EXPECT_EQ(memory["phases"][0], (Json{{"phase", "denoise"},
                                       {"level", "turns"},
                                       {"predicted_bytes", 900},
                                       {"measured_bytes", 890}}));
  EXPECT_EQ(memory["components"][0]["component"], "unet");
  EXPECT_EQ(memory["components"][0]["placement"], "takes turns");
  EXPECT_EQ(memory["device"], "cpu");
  EXPECT_EQ(memory["elsewhere"][0]["device"], "cpu:1");
  const std::string metrics(harness_.get("/metrics").bytes());
  for (const char* line : {"bafa_device_memory_bytes{device=\"cpu\",kind=\"peak\"} 890",
                           "bafa_device_memory_bytes{device=\"cpu:1\",kind=\"used\"} 55",
                           "bafa_component_memory_bytes{component=\"unet\",kind=\"present\"} 7"})
    EXPECT_THAT(metrics, HasSubstr(line));
}

TEST_F(ServerRoutes, CountForTheOperatorWithoutPrompts) {
  harness_.post("/v1/images/generations", {{"prompt", "canary-4711"}, {"size", "16x16"}});
  const std::string metrics(harness_.get("/metrics").bytes());
  for (const char* name : {"bafa_jobs_total", "bafa_queue_capacity 10", "bafa_open_connections"})
    EXPECT_THAT(metrics, HasSubstr(name));
  EXPECT_THAT(metrics, Not(HasSubstr("canary")));
}

}  // namespace
}  // namespace bafa::http
