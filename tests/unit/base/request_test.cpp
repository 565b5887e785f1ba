#include "bafa/request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "bafa/error.h"

namespace bafa {
namespace {

using testing::HasSubstr;

Capabilities capabilities() {
  return {.model = "test",
          .family = "Test",
          .size = {.width = {64, 512, 256},
                   .height = {64, 1024, 256},
                   .multiple = 16,
                   .max_pixels = 512 * 512},
          .steps = {1, 50, 8},
          .guidance_scale = {0.0, 20.0, 1.0},
          .negative_prompt = true,
          .guidance_rescale = {0.0, 1.0, 0.0},
          .cfg_normalization = {0.0, 20.0, 0.0},
          .cfg_truncation = {0.0, 1.0, 1.0},
          .clip_skip = {0, 3, 1},
          .images = {1, 4, 1},
          .samplers = {"flow_match_euler", "euler"},
          .max_prompt_bytes = 100,
          .max_prompt_tokens = 32,
          .previews = true};
}

Error refusal(const GenerateRequest& request, const FieldNames& names = {}) {
  try {
    validate(request, capabilities(), 1, names);
  } catch (const Error& error) {
    return error;
  }
  return {ErrorCode::internal, "nothing was refused"};
}

void expect_refused(const GenerateRequest& request, ErrorCode code, const std::string& param,
                    const std::string& limit) {
  const Error error = refusal(request);
  EXPECT_EQ(to_string(error.code()), to_string(code)) << error.what();
  EXPECT_EQ(error.param(), param);
  EXPECT_THAT(error.what(), HasSubstr(param));
  EXPECT_THAT(error.what(), HasSubstr(limit));
}

TEST(Validate, FillsInTheModelsDefaults) {
  const auto params = validate({.prompt = "a red apple"}, capabilities(), 77).params();
  EXPECT_EQ(params.prompt, "a red apple");
  EXPECT_EQ(params.width, 256);
  EXPECT_EQ(params.height, 256);
  EXPECT_EQ(params.steps, 8);
  EXPECT_EQ(params.guidance_scale, 1.0);
  EXPECT_EQ(params.seed, 77);
  EXPECT_EQ(params.count, 1);
  EXPECT_EQ(params.sampler, "flow_match_euler");
}

TEST(Validate, KeepsWhatTheCallerNames) {
  const GenerateRequest request = {.prompt = "",
                                   .negative_prompt = "blurry",
                                   .width = 512,
                                   .height = 64,
                                   .steps = 50,
                                   .guidance_scale = 7.5,
                                   .guidance_rescale = 0.7,
                                   .cfg_normalization = 1.5,
                                   .cfg_truncation = 0.25,
                                   .clip_skip = 2,
                                   .seed = 0,
                                   .count = 4,
                                   .sampler = "euler"};
  const auto params = validate(request, capabilities(), 77).params();
  EXPECT_EQ(params.negative_prompt, "blurry");
  EXPECT_EQ(params.width, 512);
  EXPECT_EQ(params.height, 64);
  EXPECT_EQ(params.steps, 50);
  EXPECT_EQ(params.guidance_scale, 7.5);
  EXPECT_EQ(params.guidance_rescale, 0.7);
  EXPECT_EQ(params.cfg_normalization, 1.5);
  EXPECT_EQ(params.cfg_truncation, 0.25);
  EXPECT_EQ(params.clip_skip, 2);
  EXPECT_EQ(params.seed, 0);
  EXPECT_EQ(params.count, 4);
  EXPECT_EQ(params.sampler, "euler");
}

TEST(Validate, RefusesSizesWithTheLimit) {
  for (const std::int64_t side :
       {std::int64_t{-1}, std::int64_t{0}, std::int64_t{63}, std::int64_t{513},
        std::int64_t{1} << 31, (std::int64_t{1} << 32) + 256, INT64_MAX, INT64_MIN}) {
    expect_refused({.width = side}, ErrorCode::unsupported_size, "width", "from 64 to 512");
  }
  expect_refused({.height = 1025}, ErrorCode::unsupported_size, "height", "from 64 to 1024");
  expect_refused({.width = 100}, ErrorCode::unsupported_size, "width", "multiples of 16");
}

TEST(Validate, RefusesMorePixelsThanAllowedThoughEachSideFits) {
  expect_refused({.width = 512, .height = 1024}, ErrorCode::unsupported_size, "width",
                 "at most 262144");
}

TEST(Validate, RefusesNumbersOutsideTheirRange) {
  for (const std::int64_t steps :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{51}, (std::int64_t{1} << 32) + 1}) {
    expect_refused({.steps = steps}, ErrorCode::invalid_value, "steps", "from 1 to 50");
  }
  expect_refused({.clip_skip = 4}, ErrorCode::invalid_value, "clip_skip", "from 0 to 3");
  expect_refused({.clip_skip = -1}, ErrorCode::invalid_value, "clip_skip", "from 0 to 3");
  expect_refused({.count = 0}, ErrorCode::invalid_value, "n", "from 1 to 4");
  expect_refused({.count = 5}, ErrorCode::too_many_images, "n", "from 1 to 4");
  expect_refused({.seed = -1}, ErrorCode::invalid_value, "seed", "from 0 to 9223372036854775807");
}

TEST(Validate, RefusesGuidanceThatIsNoNumberInRange) {
  for (const double guidance :
       {-0.1, 20.5, 1e20, std::nan(""), std::numeric_limits<double>::infinity()}) {
    expect_refused({.guidance_scale = guidance}, ErrorCode::invalid_value, "guidance_scale",
                   "from 0 to 20");
  }
  for (const double share : {-0.1, 1.1, std::nan("")}) {
    expect_refused({.guidance_rescale = share}, ErrorCode::invalid_value, "guidance_rescale",
                   "from 0 to 1");
    expect_refused({.cfg_truncation = share}, ErrorCode::invalid_value, "cfg_truncation",
                   "from 0 to 1");
    expect_refused({.cfg_normalization = 20 * share}, ErrorCode::invalid_value, "cfg_normalization",
                   "from 0 to 20");
  }
}

TEST(Validate, LeavesRoomForTheSeedOfTheLastPicture) {
  EXPECT_EQ(validate({.seed = kMaxSeed}, capabilities(), 1).params().seed, kMaxSeed);
  expect_refused({.seed = kMaxSeed, .count = 2}, ErrorCode::invalid_value, "seed",
                 "from 0 to 9223372036854775806");
}

TEST(Validate, BoundsPromptsInBytes) {
  EXPECT_NO_THROW(validate({.prompt = std::string(100, 'a')}, capabilities(), 1));
  expect_refused({.prompt = std::string(101, 'a')}, ErrorCode::prompt_too_long, "prompt",
                 "at most 100");
  expect_refused({.negative_prompt = std::string(1 << 20, 'a')}, ErrorCode::prompt_too_long,
                 "negative_prompt", "at most 100");
}

TEST(Validate, TakesOddPromptsAsTheyAre) {
  for (const std::string& prompt :
       {std::string(), std::string("\0", 1), std::string("\u0301\u0301"), std::string("<|im_end|>"),
        std::string("\u202Eabc")}) {
    EXPECT_EQ(validate({.prompt = prompt}, capabilities(), 1).params().prompt, prompt);
  }
}

TEST(Validate, RefusesPromptsThatAreNotUtf8) {
  expect_refused({.prompt = "caf\xE9"}, ErrorCode::invalid_value, "prompt", "UTF-8");
}

TEST(Validate, ListsTheSamplersItKnows) {
  expect_refused({.sampler = "ddim"}, ErrorCode::invalid_value, "sampler",
                 "flow_match_euler, euler");
}

TEST(Validate, KeepsToTheStepsThatTheSamplerTakes) {
  Capabilities limited = capabilities();
  limited.sampler_max_steps = {{"euler", 20}};
  const GenerateRequest euler = {.steps = 21, .sampler = "euler"};
  EXPECT_EQ(validate({.steps = 21}, limited, 1).params().steps, 21);
  EXPECT_EQ(validate({.steps = 20, .sampler = "euler"}, limited, 1).params().steps, 20);
  try {
    validate(euler, limited, 1, {.steps = "--steps"});
    ADD_FAILURE() << "nothing was refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_value);
    EXPECT_EQ(error.param(), "--steps");
    EXPECT_THAT(error.what(), HasSubstr("with the sampler euler it must be from 1 to 20"));
  }
}

TEST(Validate, DropsANegativePromptThatCannotBeUsed) {
  const GenerateRequest unguided = {.negative_prompt = "blurry", .guidance_scale = 1.0};
  EXPECT_EQ(validate(unguided, capabilities(), 1).params().negative_prompt, std::nullopt);
  Capabilities without = capabilities();
  without.negative_prompt = false;
  const GenerateRequest guided = {.negative_prompt = "blurry", .guidance_scale = 3.0};
  EXPECT_EQ(validate(guided, without, 1).params().negative_prompt, std::nullopt);
}

TEST(Validate, RescalesGuidanceOnlyWhereThereIsSome) {
  GenerateRequest request = {.guidance_scale = 1.0, .guidance_rescale = 0.7};
  EXPECT_EQ(validate(request, capabilities(), 1).params().guidance_rescale, 0.0);
  request.guidance_scale = 3.0;
  EXPECT_EQ(validate(request, capabilities(), 1).params().guidance_rescale, 0.7);
}

TEST(Validate, LimitsGuidanceOnlyWhereThereIsSome) {
  GenerateRequest request = {
      .guidance_scale = 1.0, .cfg_normalization = 0.5, .cfg_truncation = 0.5};
  EXPECT_EQ(validate(request, capabilities(), 1).params().cfg_normalization, 0.0);
  EXPECT_EQ(validate(request, capabilities(), 1).params().cfg_truncation, 1.0);
  request.guidance_scale = 3.0;
  EXPECT_EQ(validate(request, capabilities(), 1).params().cfg_normalization, 0.5);
  EXPECT_EQ(validate(request, capabilities(), 1).params().cfg_truncation, 0.5);
}

TEST(Validate, SkipsAsManyLayersAsTheModelSays) {
  EXPECT_EQ(validate({}, capabilities(), 1).params().clip_skip, 1);
  EXPECT_EQ(validate({.clip_skip = 0}, capabilities(), 1).params().clip_skip, 0);
}

TEST(Validate, SpeaksOfFieldsAsTheCallerDoes) {
  const Error count = refusal({.count = 9}, {.count = "--count"});
  EXPECT_EQ(count.param(), "--count");
  EXPECT_THAT(count.what(), HasSubstr("--count is 9"));
  const Error size = refusal({.width = 99999, .height = 64}, {.width = "size", .height = "size"});
  EXPECT_EQ(size.param(), "size");
}

}  // namespace
}  // namespace bafa
