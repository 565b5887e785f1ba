#include "app/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <utility>

#include "app/exit_code.h"
#include "bafa/error.h"
#include "base/files.h"
#include "support/refused.h"

namespace bafa::app {
namespace {

using testing::AllOf;
using testing::HasSubstr;

template <typename T>
T parsed(const std::vector<std::string>& arguments) {
  const Command command = parse_command_line(arguments);
  if (const T* const value = std::get_if<T>(&command)) return *value;
  ADD_FAILURE() << "the command line became something else";
  if (const auto* const answer = std::get_if<Answer>(&command)) ADD_FAILURE() << answer->text;
  return {};
}

TEST(CommandLine, GenerateReadsItsOptions) {
  const auto command = parsed<GenerateCommand>({"generate",
                                                "-o",
                                                "apple.png",
                                                "--seed",
                                                "7",
                                                "--steps",
                                                "4",
                                                "--size",
                                                "512x256",
                                                "--count",
                                                "3",
                                                "--guidance",
                                                "2.5",
                                                "--negative",
                                                "blurry",
                                                "--sampler",
                                                "euler",
                                                "--quality",
                                                "80",
                                                "--trace",
                                                "t.safetensors",
                                                "--dtype",
                                                "fp32",
                                                "--clip-skip",
                                                "2",
                                                "--guidance-rescale",
                                                "0.7",
                                                "--cfg-normalization",
                                                "1.5",
                                                "--cfg-truncation",
                                                "0.25",
                                                "a red apple"});
  EXPECT_EQ(command.request.prompt, "a red apple");
  EXPECT_EQ(command.output, "apple.png");
  EXPECT_EQ(command.request.seed, 7);
  EXPECT_EQ(command.request.steps, 4);
  EXPECT_EQ(command.request.width, 512);
  EXPECT_EQ(command.request.height, 256);
  EXPECT_EQ(command.request.count, 3);
  EXPECT_EQ(command.request.guidance_scale, 2.5);
  EXPECT_EQ(command.request.guidance_rescale, 0.7);
  EXPECT_EQ(command.request.cfg_normalization, 1.5);
  EXPECT_EQ(command.request.cfg_truncation, 0.25);
  EXPECT_EQ(command.request.clip_skip, 2);
  EXPECT_EQ(command.request.negative_prompt, "blurry");
  EXPECT_EQ(command.request.sampler, "euler");
  EXPECT_EQ(command.quality, 80);
  EXPECT_EQ(command.trace, "t.safetensors");
  EXPECT_EQ(command.config.model.dtype, "fp32");
}

TEST(CommandLine, APromptMayComeFirstLastOrBehindTwoDashes) {
  EXPECT_EQ(parsed<GenerateCommand>({"generate", "an apple", "--seed", "1"}).request.prompt,
            "an apple");
  EXPECT_EQ(parsed<GenerateCommand>({"generate", "--seed", "1", "--", "--help"}).request.prompt,
            "--help");
  EXPECT_EQ(parsed<GenerateCommand>({"generate", ""}).request.prompt, "");
  EXPECT_EQ(parsed<GenerateCommand>({"generate", "一只戴帽子的猫"}).request.prompt,
            "一只戴帽子的猫");
}

TEST(CommandLine, WhatIsNotNamedIsLeftToTheModel) {
  const auto command = parsed<GenerateCommand>({"generate", "x"});
  EXPECT_EQ(command.request.seed, std::nullopt);
  EXPECT_EQ(command.request.width, std::nullopt);
  EXPECT_EQ(command.request.steps, std::nullopt);
  EXPECT_EQ(command.quality, std::nullopt);
  EXPECT_EQ(command.output, "");
}

TEST(CommandLine, SizesAreTwoPlainNumbers) {
  for (const char* size : {"1024", "x", "12x", "x12", "1x2x3", " 1x2", "1x 2", "１x２", "1X2",
                           "99999999999999999999x1", "1.5x2", ""}) {
    EXPECT_THROW(parse_command_line({"generate", "x", "--size", size}), Error) << size;
  }
}

TEST(CommandLine, FlagsWinOverSetsAndSetsOverTheFile) {
  const auto file = std::filesystem::path(testing::TempDir()) /
                    ("bafa-config-" + std::to_string(::getpid()) + ".json");
  write_file(file, R"({"listen":{"port":1,"host":"::1"},"queue":{"capacity":3}})");
  const auto command =
      parsed<ServeCommand>({"serve", "--port", "3", "--config", file.string(), "--set",
                            "listen.port=2", "--set", "queue.capacity=5"});
  EXPECT_EQ(command.config.listen.port, 3);
  EXPECT_EQ(command.config.queue.capacity, 5);
  EXPECT_EQ(command.config.listen.host, "::1");
  std::filesystem::remove(file);
}

TEST(CommandLine, PrintsTheConfigurationInForce) {
  const auto answer = parsed<Answer>({"serve", "--port", "0", "--insecure", "--print-config"});
  EXPECT_EQ(answer.exit_code, kOk);
  EXPECT_THAT(answer.text, AllOf(HasSubstr("\"port\": 0"), HasSubstr("\"insecure\": true")));
}

TEST(CommandLine, WrongOptionsAreConfigurationErrors) {
  EXPECT_THROW(parse_command_line({"serve", "--port", "70000"}), Error);
  EXPECT_THROW(parse_command_line({"serve", "--set", "queue.capacity"}), Error);
  EXPECT_THROW(parse_command_line({"serve", "--set", "queue.size=1"}), Error);
  EXPECT_THROW(parse_command_line({"serve", "--config", "/nowhere/server.json"}), Error);
}

TEST(CommandLine, MistakesAreUsageErrors) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{},
                                                    {"paint"},
                                                    {"serve", "--prot", "1"},
                                                    {"generate"},
                                                    {"generate", "a", "red", "apple"},
                                                    {"generate", "x", "--seed"},
                                                    {"generate", "x", "--guidance", "much"}}) {
    SCOPED_TRACE(testing::PrintToString(arguments));
    const auto answer = parsed<Answer>(arguments);
    EXPECT_EQ(answer.exit_code, kUsage);
    EXPECT_NE(answer.text, "");
  }
}

TEST(CommandLine, NumbersAreTakenWholeOrNotAtAll) {
  for (const char* number : {"many", "1.9", "9223372036854775808", "", " 1", "1 ", "0x10", "+1"}) {
    EXPECT_THROW(parse_command_line({"generate", "x", "--seed", number}), Error) << number;
  }
  EXPECT_THROW(parse_command_line({"generate", "x", "--quality", "101"}), Error);
  EXPECT_THROW(parse_command_line({"bench", "--repeat", "0"}), Error);
  EXPECT_EQ(parsed<GenerateCommand>({"generate", "x", "--steps", "010"}).request.steps, 10);
  EXPECT_EQ(parsed<GenerateCommand>({"generate", "x", "--seed", "-1"}).request.seed, -1);
  EXPECT_EQ(parsed<BenchCommand>({"bench"}).repeat, 10);
  EXPECT_EQ(parsed<BenchCommand>({"bench", "--repeat", "3"}).repeat, 3);
  EXPECT_FALSE(parsed<BenchCommand>({"bench"}).memory);
  EXPECT_TRUE(parsed<BenchCommand>({"bench", "memory"}).memory);
}

TEST(CommandLine, PlanReadsItsOptions) {
  const auto plan = parsed<PlanCommand>(
      {"plan", "--model", "m", "--budget", "8GiB", "--size", "512x256", "--batch", "2", "--steps",
       "4", "--device-bandwidth", "24GB/s", "--level", "partial", "--json", "--dtype", "fp16"});
  EXPECT_EQ(plan.config.model.path, "m");
  EXPECT_EQ(plan.config.model.dtype, "fp16");
  EXPECT_EQ(plan.budget_bytes, 8ULL << 30);
  EXPECT_EQ(plan.request.width, 512);
  EXPECT_EQ(plan.request.count, 2);
  EXPECT_EQ(plan.request.steps, 4);
  EXPECT_EQ(plan.bytes_per_second, 24e9);
  EXPECT_EQ(plan.level, memory::Level::partial);
  EXPECT_TRUE(plan.json);

  const auto plain = parsed<PlanCommand>({"plan"});
  EXPECT_EQ(plain.budget_bytes, std::nullopt);
  EXPECT_EQ(plain.level, std::nullopt);
  EXPECT_EQ(plain.bytes_per_second, 12e9);
  EXPECT_FALSE(plain.json);
}

TEST(CommandLine, PlanRefusesAmountsAndLevelsThatAreNone) {
  for (const auto& [flag, text] : {std::pair<std::string, std::string>{"--budget", ""},
                                   {"--budget", "0GiB"},
                                   {"--budget", "8G"},
                                   {"--device-bandwidth", "0GB/s"},
                                   {"--device-bandwidth", "fast"},
                                   {"--device-bandwidth", "12GB/s/s"},
                                   {"--level", "fastest"},
                                   {"--level", ""}}) {
    const auto refused = test::refused([&] { parse_command_line({"plan", flag, text}); });
    EXPECT_EQ(refused.code, ErrorCode::invalid_value) << flag << " " << text;
    EXPECT_EQ(refused.param, flag);
  }
}

TEST(CommandLine, HelpNamesDefaultsAndExitCodes) {
  const auto serve = parsed<Answer>({"serve", "--help"});
  EXPECT_EQ(serve.exit_code, kOk);
  EXPECT_THAT(serve.text, AllOf(HasSubstr("--port"), HasSubstr("7860"), HasSubstr("--keys"),
                                HasSubstr("auto, fp32, bf16 or fp16")));
  EXPECT_THAT(parsed<Answer>({"--help"}).text,
              AllOf(HasSubstr("generate"), HasSubstr("Exit codes:"), HasSubstr("130")));
  EXPECT_THAT(parsed<Answer>({"--version"}).text, HasSubstr(std::string(version())));
}

TEST(ExitCodes, FollowTheKindOfError) {
  EXPECT_EQ(exit_code_of(ErrorCode::unsupported_size), kUsage);
  EXPECT_EQ(exit_code_of(ErrorCode::invalid_config), kBadConfiguration);
  EXPECT_EQ(exit_code_of(ErrorCode::unsupported_model), kBadModel);
  EXPECT_EQ(exit_code_of(ErrorCode::device_error), kDeviceLost);
  EXPECT_EQ(exit_code_of(ErrorCode::disk_full), kInputOutput);
  EXPECT_EQ(exit_code_of(ErrorCode::out_of_memory), kOverBudget);
  EXPECT_EQ(exit_code_of(ErrorCode::generation_failed), kFailed);
}

}  // namespace
}  // namespace bafa::app
