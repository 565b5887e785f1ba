// GET /openapi.json against the server that it describes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <string>

#include "support/route_harness.h"

namespace bafa::http {
namespace {

using test::RouteHarness;

std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

class Openapi : public testing::Test {
 protected:
  // Calls `visit` for every object below `json` that refers to another place of the document.
  template <typename Visit>
  static void for_each_reference(const Json& json, const Visit& visit) {
    if (json.is_object() && json.contains("$ref")) visit(json["$ref"].get<std::string>());
    for (const Json& part : json)
      if (part.is_structured()) for_each_reference(part, visit);
  }

  RouteHarness harness_;
  const Json document_ = RouteHarness::json_of(harness_.get("/openapi.json"));
};

TEST_F(Openapi, DescribesEveryRouteAndNoOther) {
  std::set<std::string> described;
  for (const auto& [path, methods] : document_["paths"].items())
    for (const auto& [method, operation] : methods.items())
      described.insert(upper(method) + " " + path);
  std::set<std::string> served;
  for (const std::string& name : harness_.router().names())
    if (name.find(" /web/") == std::string::npos) served.insert(name);  // parts of the page
  EXPECT_EQ(described, served);
}

TEST_F(Openapi, NamesEveryParameterOfAPath) {
  for (const auto& [path, methods] : document_["paths"].items()) {
    for (const auto& [method, operation] : methods.items()) {
      std::string described;
      for (Json parameter : operation.value("parameters", Json::array())) {
        if (parameter.contains("$ref"))
          parameter =
              document_.at(Json::json_pointer(parameter["$ref"].get<std::string>().substr(1)));
        if (parameter["in"] == "path")
          described += "{" + parameter["name"].get<std::string>() + "}";
      }
      std::string in_path;
      for (std::size_t at = path.find('{'); at != path.npos; at = path.find('{', at + 1))
        in_path += path.substr(at, path.find('}', at) + 1 - at);
      EXPECT_EQ(described, in_path) << method << " " << path;
    }
  }
}

TEST_F(Openapi, RefersToNothingThatIsNotThere) {
  int references = 0;
  for_each_reference(document_, [&](const std::string& reference) {
    EXPECT_TRUE(document_.contains(Json::json_pointer(reference.substr(1)))) << reference;
    ++references;
  });
  EXPECT_GT(references, 20);
}

TEST_F(Openapi, NamesEachOperationOnce) {
  std::set<std::string> names;
  for (const Json& methods : document_["paths"])
    for (const Json& operation : methods)
      EXPECT_TRUE(names.insert(operation["operationId"].get<std::string>()).second);
}

// The route refuses what it does not know, so it tells whether it knows a field.
TEST_F(Openapi, HasTheFieldsOfARequest) {
  const Json& fields = document_["components"]["schemas"]["Generation"]["properties"];
  EXPECT_GT(fields.size(), 20u);
  Json body = {{"size", "16x16"}};
  for (const auto& [name, schema] : fields.items())
    if (!body.contains(name)) body[name] = nullptr;
  body["prompt"] = "x";
  const HttpResponse response = harness_.post("/v1/jobs", body);
  EXPECT_EQ(response.status, 202) << response.bytes();
}

TEST_F(Openapi, HasTheFieldsOfAJob) {
  const Json& schemas = document_["components"]["schemas"];
  const auto names_of = [](const Json& object) {
    std::set<std::string> names;
    for (const auto& [name, value] : object.items()) names.insert(name);
    return names;
  };
  const Json accepted =
      RouteHarness::json_of(harness_.post("/v1/jobs", {{"prompt", "x"}, {"size", "16x16"}}));
  EXPECT_EQ(names_of(accepted), names_of(schemas["AcceptedJob"]["properties"]));
  const std::string path = "/v1/jobs/" + accepted["id"].get<std::string>();
  const Json job = RouteHarness::json_of(harness_.get(path + "?include=params"));
  EXPECT_EQ(names_of(job), names_of(schemas["Job"]["properties"]));
  const Json queue = RouteHarness::json_of(harness_.get("/v1/queue"));
  EXPECT_EQ(names_of(queue), names_of(schemas["Queue"]["properties"]));
  EXPECT_EQ(names_of(queue["device"]),
            names_of(schemas["Queue"]["properties"]["device"]["properties"]));
}

}  // namespace
}  // namespace bafa::http
