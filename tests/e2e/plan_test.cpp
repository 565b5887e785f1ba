// `bafa plan` over the headers of published checkpoints: what fits into which card, and how.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "e2e/program.h"
#include "support/published_models.h"

namespace bafa::e2e {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t kGiB = 1 << 30;

class PublishedModel : public testing::Test {
 protected:
  void SetUp() override {
    test::write_sd15(folder_ / "sd15");
    test::write_sdxl(folder_ / "sdxl");
    test::write_z_image_turbo(folder_ / "z-image-turbo");
  }

  Outcome run_plan(const std::string& model, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"plan", "--model", (folder_ / model).string()});
    return run_program(arguments);
  }

  Json plan(const std::string& model, const std::vector<std::string>& arguments) {
    std::vector<std::string> all = arguments;
    all.emplace_back("--json");
    const Outcome outcome = run_plan(model, all);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return parse_json(outcome.out);
  }

  // Whether the model fits into cards of these sizes on these levels, and every card's budget
  // holds, and a larger card is never slower.
  void expect_levels(const std::string& model, const std::string& dtype,
                     const std::vector<std::pair<std::uint64_t, std::string>>& cards) {
    double faster = 0;
    for (const auto& [gib, level] : cards) {
      SCOPED_TRACE(model + " in " + std::to_string(gib) + " GiB");
      const Json json = plan(model, {"--dtype", dtype, "--budget", std::to_string(gib) + "GiB"});
      EXPECT_EQ(json["plan"]["level"], level);
      EXPECT_LE(json["plan"]["peak_bytes"], gib * kGiB);
      EXPECT_GE(json["plan"]["extra_seconds"], faster);
      faster = json["plan"]["extra_seconds"];
    }
  }

  TemporaryFolder folder_;
};

// One component of a plan by its name.
Json component(const Json& json, const std::string& name) {
  for (const Json& part : json["plan"]["components"]) {
    if (part["name"] == name) return part;
  }
  ADD_FAILURE() << "no component " << name;
  return {};
}

TEST_F(PublishedModel, IsPlannedForEachDeviceOfAMap) {
  const Outcome outcome =
      run_plan("sd15", {"--dtype", "fp16", "--device", "cuda:0", "--budget", "3GiB", "--device-map",
                        "encoder=cpu", "--device-budget", "cpu=1GiB", "--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const std::size_t end = outcome.out.find('\n');
  const Json gpu = parse_json(outcome.out.substr(0, end));
  const Json cpu = parse_json(outcome.out.substr(end + 1));
  EXPECT_EQ(gpu["device"], "cuda:0");
  EXPECT_EQ(gpu["plan"]["components"].size(), 2u);
  EXPECT_EQ(cpu["device"], "cpu");
  EXPECT_EQ(cpu["budget_bytes"], kGiB);
  EXPECT_EQ(cpu["plan"]["components"][0]["name"], "text_encoder");
  EXPECT_EQ(cpu["plan"]["phases"].size(), 1u);
}

TEST_F(PublishedModel, HasTheTensorsThatItsHeadersName) {
  const std::map<std::string, std::map<std::string, int>> counts{
      {"sd15", {{"unet", 686}, {"text_encoder", 196}, {"vae", 248}}},
      {"sdxl", {{"unet", 1680}, {"text_encoder", 196}, {"text_encoder_2", 517}, {"vae", 248}}},
      {"z-image-turbo", {{"transformer", 521}, {"text_encoder", 398}, {"vae", 244}}}};
  for (const auto& [model, parts] : counts) {
    const Outcome outcome = run_program({"models", "--json", (folder_ / model).string()});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    std::map<std::string, int> found;
    const Json described = parse_json(outcome.out);
    for (const Json& part : described["components"]) {
      if (part["tensors"] > 0) found[part["name"]] = part["tensors"];
    }
    EXPECT_EQ(found, parts) << model;
  }
}

TEST_F(PublishedModel, ZImageTurboFitsCardsOf24To4GiB) {
  expect_levels("z-image-turbo", "bf16",
                {{24, "resident"},
                 {16, "turns"},
                 {12, "turns"},
                 {8, "partial"},
                 {6, "partial"},
                 {4, "partial"}});
}

TEST_F(PublishedModel, SdxlFitsCardsOf12To3GiB) {
  expect_levels("sdxl", "fp16",
                {{12, "resident"}, {8, "turns"}, {6, "turns"}, {4, "partial"}, {3, "partial"}});
}

TEST_F(PublishedModel, Sd15FitsCardsOf4To2GiB) {
  expect_levels("sd15", "fp16", {{4, "resident"}, {3, "resident"}, {2, "turns"}});
}

TEST_F(PublishedModel, CountsWeightsInTheDtypeThatRuns) {
  for (const auto& [dtype, bytes] : {std::pair{"bf16", 2}, {"fp32", 4}}) {
    const Json transformer = component(plan("z-image-turbo", {"--dtype", dtype}), "transformer");
    EXPECT_EQ(transformer["weights_bytes"], 6'154'908'736ULL * bytes) << "stored as fp32";
    EXPECT_EQ(transformer["blocks"], 34);
  }
}

TEST_F(PublishedModel, LeavesOutWhatPaintingDoesNotUse) {
  const Json json = plan("z-image-turbo", {"--dtype", "bf16"});
  const Json encoder = component(json, "text_encoder");
  // Of 36 layers the last is not run, nor is the norm behind it.
  EXPECT_EQ(encoder["weights_bytes"], (4'022'468'096ULL - 100'930'816 - 2560) * 2);
  EXPECT_EQ(encoder["blocks"], 35);
  // The decoder's 49,545,475 of 83,819,683: the rest is the encoder's.
  EXPECT_EQ(component(json, "vae")["weights_bytes"], 49'545'475ULL * 2);
}

TEST_F(PublishedModel, DecodesSdxlInFp32WhereFp16WouldOverflow) {
  const auto vae_bytes = [&](const std::string& model, const std::string& dtype) {
    return component(plan(model, {"--dtype", dtype}), "vae")["weights_bytes"].get<std::uint64_t>();
  };
  const std::uint64_t half = vae_bytes("sd15", "fp16");
  EXPECT_GT(half, 0u);
  EXPECT_EQ(vae_bytes("sdxl", "fp16"), 2 * half) << "the same decoder";
  EXPECT_EQ(vae_bytes("sdxl", "bf16"), half);
}

TEST_F(PublishedModel, IsRefusedOneByteBelowTheSmallestBudget) {
  for (const char* model : {"sd15", "sdxl", "z-image-turbo"}) {
    const Outcome refused = run_plan(model, {"--dtype", "bf16", "--budget", "100MB", "--json"});
    EXPECT_EQ(refused.exit_code, 7) << model;
    EXPECT_THAT(refused.err, HasSubstr("does not fit into 95.4 MiB"));
    const Json json = parse_json(refused.out);
    EXPECT_EQ(json["plan"], nullptr);
    const std::uint64_t smallest = json["smallest_budget_bytes"];
    const Json fitting = plan(model, {"--dtype", "bf16", "--budget", std::to_string(smallest)});
    EXPECT_EQ(fitting["plan"]["peak_bytes"], smallest);
    const auto below =
        run_plan(model, {"--dtype", "bf16", "--budget", std::to_string(smallest - 1)});
    EXPECT_EQ(below.exit_code, 7);
  }
}

TEST_F(PublishedModel, TakesTheSizeTheBatchAndALevelOfTheCaller) {
  const auto peak = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--dtype", "bf16"});
    return plan("sd15", arguments)["plan"]["peak_bytes"].get<std::uint64_t>();
  };
  EXPECT_GT(peak({"--size", "1024x1024"}), peak({}));
  EXPECT_GT(peak({"--batch", "4"}), peak({}));
  EXPECT_LT(peak({"--size", "256x256"}), peak({}));
  EXPECT_LT(peak({"--level", "streamed"}), peak({}) / 2);
  const Json twice = plan("sd15", {"--level", "turns", "--device-bandwidth", "24GB/s"});
  const Json once = plan("sd15", {"--level", "turns", "--device-bandwidth", "12GB/s"});
  EXPECT_NEAR(once["plan"]["extra_seconds"].get<double>(),
              2 * twice["plan"]["extra_seconds"].get<double>(), 1e-5);
}

TEST_F(PublishedModel, NamesTheOptionThatIsWrong) {
  const Outcome size = run_plan("z-image-turbo", {"--size", "1000x1000"});
  EXPECT_EQ(size.exit_code, 2);
  EXPECT_THAT(size.err, HasSubstr("multiples of 16"));
  EXPECT_EQ(run_plan("sd15", {"--budget", "lots"}).exit_code, 2);
  EXPECT_EQ(run_plan("sd15", {"--batch", "0"}).exit_code, 2);
  EXPECT_EQ(run_plan("sd14", {}).exit_code, 4);
}

TEST_F(PublishedModel, IsPlannedAsATableForPeople) {
  const Outcome outcome = run_plan("sdxl", {"--dtype", "bf16", "--budget", "4GiB"});
  EXPECT_EQ(outcome.exit_code, 0);
  for (const char* text :
       {"StableDiffusionXLPipeline", "bf16, 1024x1024, batch 1", "budget 4.00 GiB",
        "text_encoder_2", "pass through the buffers", "resident"}) {
    EXPECT_THAT(outcome.out, HasSubstr(text));
  }
}

}  // namespace
}  // namespace bafa::e2e
