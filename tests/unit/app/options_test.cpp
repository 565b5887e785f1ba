#include "app/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "bafa/error.h"
#include "base/files.h"

namespace bafa::app {
namespace {

using testing::HasSubstr;

std::string refusal(std::string_view path, std::string_view text) {
  Config config;
  try {
    assign(config, path, text);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_config);
    return error.what();
  }
  return "";
}

std::string file_refusal(std::string_view text) {
  Config config;
  try {
    assign_all(config, parse_json(text), "server.json");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_config);
    return error.what();
  }
  return "";
}

TEST(Options, TheShippedFileEqualsTheDefaults) {
  EXPECT_EQ(read_file("config/server.json", 1 << 20), to_json({}));
}

TEST(Options, WhatIsPrintedCanBeReadAgain) {
  Config config;
  config.listen.port = 0;
  config.listen.allowed_hosts = {"a.example", "b.example"};
  config.transport.max_body_bytes = 12345;
  config.queue.drain_timeout = std::chrono::seconds(5);
  config.log.json = true;
  const std::string printed = to_json(config);
  Config read;
  assign_all(read, parse_json(printed), "printed");
  EXPECT_EQ(to_json(read), printed);
  EXPECT_EQ(read.listen.allowed_hosts, config.listen.allowed_hosts);
}

TEST(Options, EveryNameAndFlagIsUsedOnce) {
  Config config;
  std::set<std::string_view> paths;
  std::set<std::string_view> flags;
  for (const Option& option : options_of(config)) {
    EXPECT_TRUE(paths.insert(option.path).second) << option.path;
    EXPECT_TRUE(option.flag.empty() || flags.insert(option.flag).second) << option.flag;
    EXPECT_FALSE(option.description.empty()) << option.path;
  }
}

TEST(Options, TakeTextOfEveryType) {
  Config config;
  assign(config, "model.path", "12");
  assign(config, "listen.port", "0");
  assign(config, "listen.insecure", "true");
  assign(config, "listen.allowed_hosts", "a.example,b.example");
  assign(config, "transport.max_body_bytes", "2MiB");
  assign(config, "results.max_bytes", "1073741824");
  assign(config, "results.ttl_seconds", "60");
  assign(config, "limits.max_pixels", "262144");
  EXPECT_EQ(config.model.path, "12");
  EXPECT_EQ(config.listen.port, 0);
  EXPECT_TRUE(config.listen.insecure);
  EXPECT_THAT(config.listen.allowed_hosts, testing::ElementsAre("a.example", "b.example"));
  EXPECT_EQ(config.transport.max_body_bytes, std::size_t{2} << 20);
  EXPECT_EQ(config.results.max_bytes, std::uint64_t{1} << 30);
  EXPECT_EQ(config.results.ttl, std::chrono::seconds(60));
  EXPECT_EQ(config.limits.max_pixels, 262144);
}

TEST(Options, RefuseNumbersThatDoNotFit) {
  for (const char* port : {"-1", "65536", "4294967297", "1.5", "true", "\"8\"", "", "80x", "1e3"}) {
    EXPECT_THAT(refusal("listen.port", port),
                HasSubstr("listen.port must be an integer from 0 to 65535"))
        << port;
  }
  EXPECT_THAT(refusal("queue.capacity", "0"), HasSubstr("from 1 to"));
  EXPECT_THAT(refusal("results.ttl_seconds", "-5"), HasSubstr("whole seconds"));
}

TEST(Options, RefuseBytesThatAreNone) {
  for (const char* bytes : {"", "-1", "1.5GiB", "1gb", "GiB", "9223372036854775807GiB", "1e3"}) {
    EXPECT_THAT(refusal("results.max_bytes", bytes), HasSubstr("a number of bytes")) << bytes;
  }
}

TEST(Options, ListTheirChoices) {
  EXPECT_THAT(refusal("model.dtype", "fp8"), HasSubstr("one of auto, fp32, bf16, fp16"));
}

TEST(Options, NameTheNearestKnownKey) {
  EXPECT_THAT(refusal("queue.capacty", "8"), HasSubstr("did you mean queue.capacity?"));
  EXPECT_THAT(file_refusal(R"({"listen":{"prot":1}})"), HasSubstr("did you mean listen.port?"));
  EXPECT_THAT(file_refusal(R"({"colour":{"red":1}})"), HasSubstr("colour.red is not a known"));
}

TEST(Options, RefuseFilesOfAnotherShape) {
  EXPECT_THAT(file_refusal("[]"), HasSubstr("server.json must hold a JSON object"));
  EXPECT_THAT(file_refusal(R"({"listen":7860})"), HasSubstr("listen must be a JSON object"));
  EXPECT_THAT(file_refusal(R"({"port":7860})"), HasSubstr("port is not a known option"));
  EXPECT_THAT(file_refusal(R"({"listen":{"port":"7860"}})"), HasSubstr("must be an integer"));
  EXPECT_THAT(file_refusal(R"({"listen":{"insecure":1}})"), HasSubstr("true or false"));
  EXPECT_THAT(file_refusal(R"({"listen":{"allowed_hosts":"a"}})"), HasSubstr("array of strings"));
}

}  // namespace
}  // namespace bafa::app
