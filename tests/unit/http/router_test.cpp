#include "http/router.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bafa::http {
namespace {

using Methods = std::vector<std::string>;

Router router_of(const std::vector<std::pair<std::string, std::string>>& routes) {
  Router router;
  for (const auto& [method, pattern] : routes)
    router.add({.method = method, .pattern = pattern, .handler = [](const HttpRequest&) {
                  return HttpResponse();
                }});
  return router;
}

std::string pattern_of(const RouteMatch& match) { return match.route ? match.route->pattern : ""; }

TEST(Router, FindsTheRouteOfAMethodAndPath) {
  const Router router = router_of({{"GET", "/v1/jobs"}, {"POST", "/v1/jobs"}, {"GET", "/"}});
  EXPECT_EQ(router.match("POST", "/v1/jobs").route->method, "POST");
  EXPECT_EQ(pattern_of(router.match("GET", "/")), "/");
  EXPECT_EQ(pattern_of(router.match("HEAD", "/v1/jobs")), "/v1/jobs") << "HEAD is a GET";
}

TEST(Router, TellsWhatAPathAllowsFromWhatIsNotThere) {
  const Router router = router_of({{"GET", "/v1/jobs"}, {"POST", "/v1/jobs"}, {"POST", "/x"}});
  EXPECT_EQ(router.match("DELETE", "/v1/jobs").route, nullptr);
  EXPECT_EQ(router.match("DELETE", "/v1/jobs").allowed, (Methods{"GET", "HEAD", "POST"}));
  EXPECT_EQ(router.match("HEAD", "/x").allowed, Methods{"POST"});
  for (const char* path : {"", "v1/jobs", "/v1/jobs/", "//v1/jobs", "/V1/jobs", "/v1", "/v1/jobs/1",
                           "/v1/../v1/jobs", "/v1/./jobs", "/v1%2fjobs", "/v1/job%73"})
    EXPECT_TRUE(router.match("GET", path).allowed.empty()) << path;
}

TEST(Router, DecodesParametersOnce) {
  const Router router = router_of({{"GET", "/v1/jobs/{id}/result"}});
  const RouteMatch match = router.match("GET", "/v1/jobs/a%2Fb%2520%E4%B8%80/result");
  ASSERT_TRUE(match.route);
  EXPECT_EQ(match.parameters, (PathParameters{{"id", "a/b%20\u4e00"}}));
}

TEST(Router, NeverTakesAPlaceInTheTreeForAParameter) {
  const Router router = router_of({{"GET", "/files/{id}/{file}"}});
  for (const char* path :
       {"/files//a", "/files/./a", "/files/../a", "/files/%2e%2e/a", "/files/%2E/a", "/files/a/..",
        "/files/%00/a", "/files/%ff/a", "/files/%0d%0a/a", "/files/%zz/a"})
    EXPECT_EQ(router.match("GET", path).route, nullptr) << path;
  EXPECT_TRUE(router.match("GET", "/files/.../a").route);
}

TEST(Router, LetsTheMostLiteralPatternWin) {
  const Router router =
      router_of({{"GET", "/a/{x}"}, {"GET", "/a/b"}, {"*", "/a/*"}, {"GET", "/{x}/{y}"}});
  EXPECT_EQ(pattern_of(router.match("GET", "/a/b")), "/a/b");
  EXPECT_EQ(pattern_of(router.match("GET", "/a/c")), "/a/{x}");
  EXPECT_EQ(pattern_of(router.match("GET", "/b/c")), "/{x}/{y}");
  EXPECT_EQ(pattern_of(router.match("PUT", "/a/b/c")), "/a/*");
  EXPECT_EQ(router.match("PUT", "/a/b").route, nullptr) << "the path is known, its method is not";
  EXPECT_TRUE(router.match("GET", "/a").allowed.empty()) << "'*' stands for something";
}

TEST(RouterDeathTest, RefusesTheSameRouteTwice) {
  EXPECT_DEATH(router_of({{"GET", "/a"}, {"GET", "/a"}}), "");
}

}  // namespace
}  // namespace bafa::http
