#include "base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "bafa/error.h"
#include "base/files.h"
#include "base/json.h"

namespace bafa {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::MatchesRegex;

class Log : public testing::Test {
 protected:
  Log() { fs::create_directories(folder_); }
  ~Log() override {
    init_log({});  // lets go of the file
    fs::remove_all(folder_);
  }

  std::string logged() const { return read_file(file_, 1 << 20); }

  const fs::path folder_ =
      fs::path(testing::TempDir()) / ("bafa-log-" + std::to_string(::getpid()));
  const fs::path file_ = folder_ / "bafa.log";
};

TEST_F(Log, WritesOneLineWithTimeAndLevel) {
  init_log({.file = file_.string()});
  spdlog::info("job_started job={} steps={}", "ab", 8);
  EXPECT_THAT(logged(),
              MatchesRegex("20..-..-..T..:..:......Z info  job_started job=ab steps=8\n"));
}

TEST_F(Log, LeavesOutWhatIsBelowItsLevel) {
  init_log({.level = "warn", .file = file_.string()});
  spdlog::info("quiet");
  spdlog::warn("loud");
  EXPECT_THAT(logged(),
              testing::AllOf(HasSubstr("Z warn  loud"), testing::Not(HasSubstr("quiet"))));
}

TEST_F(Log, CannotBeForgedByLineBreaks) {
  init_log({.file = file_.string()});
  spdlog::info("path=/x\r\n2026-01-01T00:00:00.000Z info  forged");
  const std::string text = logged();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
}

TEST_F(Log, WritesJsonLines) {
  init_log({.file = file_.string(), .json = true});
  spdlog::info("quote=\" break=\n bad=\xFF");
  const Json line = parse_json(logged());
  EXPECT_EQ(line["level"], "info");
  EXPECT_EQ(line["message"], "quote=\" break=\n bad=\uFFFD");
}

TEST_F(Log, WritesTheFieldsOfALineAsJson) {
  init_log({.file = file_.string(), .json = true});
  log(spdlog::level::info, LogLine("job.succeeded").add("job", "00123").add("steps", 8));
  const Json line = parse_json(logged());
  EXPECT_EQ(line["event"], "job.succeeded");
  EXPECT_EQ(line["job"], "00123");
  EXPECT_EQ(line["steps"], 8);
  EXPECT_FALSE(line.contains("message"));
}

TEST_F(Log, IsTurnedOverBySize) {
  init_log({.file = file_.string(), .max_bytes = 60, .max_files = 1});
  for (const char* text : {"first", "second", "third"}) spdlog::info("{:40}", text);
  EXPECT_THAT(logged(), HasSubstr("third"));
  EXPECT_THAT(read_file(folder_ / "bafa.log.1", 1 << 20), HasSubstr("second"));
  EXPECT_FALSE(fs::exists(folder_ / "bafa.log.2"));
}

TEST_F(Log, GrowsWhenItCannotBeTurnedOver) {
  fs::create_directories(folder_ / "bafa.log.1" / "in the way");
  init_log({.file = file_.string(), .max_bytes = 60, .max_files = 1});
  for (const char* text : {"first", "second", "third"}) spdlog::info("{:40}", text);
  EXPECT_THAT(logged(),
              testing::AllOf(HasSubstr("first"), HasSubstr("second"), HasSubstr("third")));
}

TEST_F(Log, GoesOnWhereItWasWhenItCannotBeOpenedAgain) {
  init_log({.file = file_.string()});
  const fs::path moved = folder_ / "bafa.log.1";
  fs::rename(file_, moved);
  fs::create_directory(file_);
  EXPECT_THROW(reopen_log(), Error);
  spdlog::info("still here");
  EXPECT_THAT(read_file(moved, 1 << 20), HasSubstr("still here"));
}

TEST_F(Log, IsOpenedAgainAfterItWasMoved) {
  init_log({.file = file_.string()});
  spdlog::info("before");
  fs::rename(file_, folder_ / "bafa.log.1");
  reopen_log();
  spdlog::info("after");
  EXPECT_THAT(logged(), testing::AllOf(HasSubstr("after"), testing::Not(HasSubstr("before"))));
}

TEST_F(Log, RefusesUnknownLevelsAndFilesThatCannotBeOpened) {
  write_file(file_, "");
  EXPECT_THROW(init_log({.level = "loud"}), Error);
  EXPECT_THROW(init_log({.file = (folder_ / "bafa.log" / "x").string()}), Error);
}

}  // namespace
}  // namespace bafa
