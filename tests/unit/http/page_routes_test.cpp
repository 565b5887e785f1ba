#include "http/page_routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <string>

#include "support/route_harness.h"

namespace bafa::http {
namespace {

using test::RouteHarness;
using testing::HasSubstr;
using testing::Not;

std::string source(const PageFile& file) { return std::string(file.bytes); }

TEST(Page, IsServedWithARestrictivePolicyAndToEverybody) {
  RouteHarness harness;
  for (const PageFile& file : page_files()) {
    const HttpResponse response = harness.get(std::string(file.path));
    EXPECT_EQ(response.status, 200);
    const std::string policy = RouteHarness::header(response, "Content-Security-Policy");
    EXPECT_THAT(policy, HasSubstr("default-src 'none'"));
    EXPECT_THAT(policy, HasSubstr("frame-ancestors 'none'"));
    EXPECT_THAT(policy, Not(HasSubstr("unsafe")));
    const RouteMatch match = harness.router().match("GET", file.path);
    EXPECT_EQ(match.route->access, Access::open) << "the page asks for the key itself";
  }
}

TEST(Page, IsSentAgainOnlyWhenItHasChanged) {
  RouteHarness harness;
  const HttpResponse first = harness.get("/");
  const std::string tag = RouteHarness::header(first, "ETag");
  EXPECT_EQ(harness.get("/", {{"If-None-Match", tag}}).status, 304);
  EXPECT_EQ(harness.get("/", {{"If-None-Match", "\"other\""}}).status, 200);
}

TEST(Page, NeedsNothingFromElsewhereAndNothingInline) {
  for (const PageFile& file : page_files()) {
    const std::string text =
        std::regex_replace(source(file), std::regex("http://www.w3.org/2000/svg"), "");
    for (const char* outside : {"http://", "https://", "url(//", "src=\"//", "@import"})
      EXPECT_THAT(text, Not(HasSubstr(outside))) << file.path;
    EXPECT_FALSE(std::regex_search(text, std::regex("<[^>]*\\s(on[a-z]+|style)="))) << file.path;
    EXPECT_THAT(text, Not(HasSubstr("innerHTML"))) << "prompts are text, never markup";
  }
}

TEST(Page, AsksForFilesThatAreThere) {
  std::set<std::string> served;
  for (const PageFile& file : page_files()) served.insert(std::string(file.path));
  const std::regex asked("\"(/web/[a-z0-9.]+)\"");
  for (const PageFile& file : page_files()) {
    const std::string text = source(file);
    for (std::sregex_iterator one(text.begin(), text.end(), asked), end; one != end; ++one)
      EXPECT_TRUE(served.contains((*one)[1])) << file.path << " asks for " << (*one)[1];
  }
}

// Every text that the page asks for, in both languages.
TEST(Page, SpeaksBothLanguagesThroughout) {
  std::string words;
  std::set<std::string> asked;
  const std::regex attribute("data-(?:text|label|title|placeholder)=\"(\\w+)\"");
  const std::regex call("\\btext\\(\"(\\w+)\"");
  for (const PageFile& file : page_files()) {
    const std::string text = source(file);
    if (file.path == "/web/i18n.js") words = text;
    for (const std::regex& pattern : {attribute, call})
      for (std::sregex_iterator one(text.begin(), text.end(), pattern), end; one != end; ++one)
        asked.insert((*one)[1]);
  }
  ASSERT_GT(asked.size(), 20u);
  for (const std::string& name : asked) {
    const std::regex defined("\\n\\s+" + name + "(:|\\()");
    const auto count = std::distance(std::sregex_iterator(words.begin(), words.end(), defined),
                                     std::sregex_iterator());
    EXPECT_EQ(count, 2) << name;
  }
}

}  // namespace
}  // namespace bafa::http
