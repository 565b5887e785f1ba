// SIGHUP while the server works: new files count, broken ones change nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <string>

#include "base/files.h"
#include "e2e/http_client.h"
#include "e2e/program.h"

namespace bafa::e2e {
namespace {

using testing::HasSubstr;

std::string keys_file(const std::string& key) {
  return R"({"keys":[{"name":"alice","key":")" + key + R"("}]})";
}

int status_with(const ServerProgram& server, const std::string& key) {
  return get(server.port(), "/v1/queue", {{"Authorization", "Bearer " + key}}).status;
}

TEST(Reload, ReadsTheKeysAgain) {
  const TemporaryFolder folder;
  const auto keys = folder / "keys.json";
  write_file(keys, keys_file("first-0123456789"));
  const ServerProgram server({"--keys", keys.string()});
  ASSERT_EQ(status_with(server, "first-0123456789"), 200);
  write_file(keys, keys_file("second-0123456789"));
  server.send_signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return status_with(server, "second-0123456789") == 200; }));
  EXPECT_EQ(status_with(server, "first-0123456789"), 401);
}

TEST(Reload, KeepsTheOldKeysWhenTheNewFileIsWrongAndSaysSo) {
  const TemporaryFolder folder;
  const auto keys = folder / "keys.json";
  for (const std::string& broken :
       {std::string("{\"keys\":["), keys_file("short"), std::string()}) {
    write_file(keys, keys_file("first-0123456789"));
    const ServerProgram server({"--keys", keys.string()});
    write_file(keys, broken);
    if (broken.empty()) std::filesystem::remove(keys);
    server.send_signal(SIGHUP);
    EXPECT_TRUE(
        eventually([&] { return server.log().find("reload.failed") != std::string::npos; }));
    EXPECT_THAT(server.log(), HasSubstr("what=keys reason=\"")) << broken;
    EXPECT_THAT(server.log(), HasSubstr("keys.json"));
    EXPECT_EQ(status_with(server, "first-0123456789"), 200);
  }
}

TEST(Reload, OpensTheLogAgainAfterItWasMoved) {
  const TemporaryFolder folder;
  const auto log = folder / "bafa.log";
  const ServerProgram server({"--log-file", log.string()});
  ASSERT_EQ(get(server.port(), "/v1/queue").status, 200);
  std::filesystem::rename(log, folder / "bafa.log.1");
  server.send_signal(SIGHUP);
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(log); }));
  EXPECT_EQ(get(server.port(), "/v1/models").status, 200);
  EXPECT_TRUE(
      eventually([&] { return read_file(log, 1 << 20).find("/v1/models") != std::string::npos; }));
}

TEST(Reload, SurvivesALogThatCannotBeOpenedAgain) {
  const TemporaryFolder folder;
  const auto log = folder / "bafa.log";
  const auto moved = folder / "bafa.log.1";
  const ServerProgram server({"--log-file", log.string()});
  std::filesystem::rename(log, moved);
  std::filesystem::create_directory(log);
  server.send_signal(SIGHUP);
  EXPECT_TRUE(
      eventually([&] { return read_file(moved, 1 << 20).find("what=log") != std::string::npos; }));
  EXPECT_EQ(get(server.port(), "/livez").status, 200);
}

}  // namespace
}  // namespace bafa::e2e
