#include "http/generation_codec.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <nlohmann/json.hpp>

#include "support/fake_pipeline.h"

namespace bafa::http {
namespace {

using namespace std::chrono_literals;

GenerationBody read(const std::string& text, UnknownFields unknown = UnknownFields::ignore) {
  return read_generation_body(parse_json(text), unknown);
}

std::string with_prompt(const std::string& fields) {
  return R"({"prompt":"a cat",)" + fields + "}";
}

// What a caller is told about a body: the error of reading or validating it.
std::optional<Error> refusal_of(const std::string& text) {
  try {
    const GenerationBody body = read(text);
    validate(body.request, test::fake_capabilities(), 1, body.names);
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

std::optional<Error> refusal_of(const std::string& field, const std::string& value) {
  return refusal_of(with_prompt("\"" + field + "\":" + value));
}

TEST(GenerationBody, ReadsEveryField) {
  const GenerationBody body = read(R"({
      "prompt": "一只戴帽子的猫", "negative_prompt": "dog", "size": "256x128", "steps": 4,
      "guidance_scale": 2, "guidance_rescale": 0.5, "cfg_normalization": 1.5, "cfg_truncation": 0.25,
      "clip_skip": 0, "seed": 9223372036854775807, "n": 2, "sampler": "flow_match_euler",
      "model": "fake", "priority": "low", "timeout": 1.5, "request_id": "r-1", "stream": true,
      "partial_images": 3, "output_format": "webp", "output_compression": 80,
      "response_format": "url"})");
  EXPECT_EQ(body.request.prompt, "一只戴帽子的猫");
  EXPECT_EQ(body.request.negative_prompt, "dog");
  EXPECT_EQ(body.request.width, 256);
  EXPECT_EQ(body.request.height, 128);
  EXPECT_EQ(body.request.steps, 4);
  EXPECT_EQ(body.request.guidance_scale, 2.0);
  EXPECT_EQ(body.request.guidance_rescale, 0.5);
  EXPECT_EQ(body.request.cfg_normalization, 1.5);
  EXPECT_EQ(body.request.cfg_truncation, 0.25);
  EXPECT_EQ(body.request.clip_skip, 0);
  EXPECT_EQ(body.request.seed, INT64_MAX);
  EXPECT_EQ(body.request.count, 2);
  EXPECT_EQ(body.request.sampler, "flow_match_euler");
  EXPECT_EQ(body.model, "fake");
  EXPECT_EQ(body.priority, Priority::low);
  EXPECT_EQ(body.start_timeout, 1500ms);
  EXPECT_EQ(body.request_id, "r-1");
  EXPECT_TRUE(body.stream);
  EXPECT_EQ(body.partial_images, 3);
  EXPECT_EQ(body.output.format, image::Format::webp);
  EXPECT_EQ(body.output.compression, 80);
  EXPECT_EQ(body.output.response_format, ResponseFormat::url);
  EXPECT_TRUE(body.ignored.empty());
}

TEST(GenerationBody, LeavesAbsentAndNullFieldsToTheModel) {
  for (const char* text :
       {R"({"prompt":""})",
        R"({"prompt":"","negative_prompt":null,"size":null,"width":null,"height":null,"steps":null,
            "num_inference_steps":null,"guidance_scale":null,"guidance_rescale":null,
            "cfg_normalization":null,"cfg_truncation":null,"clip_skip":null,"seed":null,"n":null,"sampler":null,
            "model":null,"priority":null,"timeout":null,"request_id":null,"stream":null,
            "partial_images":null,"output_format":null,"output_compression":null,
            "response_format":null,"quality":null,"user":null})"}) {
    const GenerationBody body = read(text, UnknownFields::refuse);
    EXPECT_FALSE(body.request.width || body.request.steps || body.request.seed) << text;
    EXPECT_FALSE(body.request.count || body.request.guidance_scale || body.priority) << text;
    EXPECT_FALSE(body.request.guidance_rescale || body.request.clip_skip) << text;
    EXPECT_FALSE(body.request.cfg_normalization || body.request.cfg_truncation) << text;
    EXPECT_FALSE(body.start_timeout || body.request_id || body.stream) << text;
    EXPECT_EQ(body.output.format, image::Format::png);
    EXPECT_TRUE(body.ignored.empty()) << text;
  }
}

TEST(GenerationBody, RefusesEveryWrongNumberNamingFieldAndLimit) {
  struct Row {
    const char* field;
    std::vector<const char*> wrong;
    const char* limit;  // what the message must name
  };
  const char* two_63 = "9223372036854775808";
  const Row rows[] = {
      {"n", {"0", "-1", "5", "2147483648", "4294967297", "1e20"}, "4"},
      {"width", {"0", "-1", "12", "2147483648", "4294967297", "1e20"}, "1024"},
      {"height", {"0", "-1", "12", "2147483648", "4294967297", "1e20"}, "1024"},
      {"steps", {"0", "-1", "51", "2147483648", "4294967297", "1e20"}, "50"},
      {"num_inference_steps", {"0", "-1", "51", "2147483648", "4294967297", "1e20"}, "50"},
      {"seed", {"-1", "1e20"}, ""},
      {"guidance_scale", {"-1", "21", "2147483648", "4294967297", "1e20"}, "20"},
      {"guidance_rescale", {"-1", "2", "2147483648", "4294967297", "1e20"}, "1"},
      {"cfg_normalization", {"-1", "21", "2147483648", "4294967297", "1e20"}, "20"},
      {"cfg_truncation", {"-1", "2", "2147483648", "4294967297", "1e20"}, "1"},
      {"clip_skip", {"-1", "3", "2147483648", "4294967297", "1e20"}, "2"},
      {"partial_images", {"-1", "4", "2147483648", "4294967297", "1e20"}, "3"},
      {"output_compression", {"-1", "101", "2147483648", "4294967297", "1e20"}, "100"},
      {"timeout", {"0", "-1", "86401", "2147483648", "4294967297", "1e20"}, "86400"},
  };
  for (const Row& row : rows) {
    std::vector<const char*> wrong = row.wrong;
    wrong.insert(wrong.end(), {R"("8")", "true", "[8]", "{}"});
    const std::string field = row.field;
    const bool takes_fractions =
        field.starts_with("guidance_") || field.starts_with("cfg_") || field == "timeout";
    if (!takes_fractions) wrong.push_back("1.9");
    wrong.push_back(two_63);
    for (const char* value : wrong) {
      const auto refusal = refusal_of(field, value);
      ASSERT_TRUE(refusal) << field << " " << value;
      EXPECT_EQ(refusal->param(), field) << value;
      const std::string message = refusal->what();
      EXPECT_NE(message.find(field), message.npos) << message;
      const bool in_range_type = value[0] == '-' || (value[0] >= '0' && value[0] <= '9');
      if (in_range_type && !std::strpbrk(value, ".e") && value != two_63) {
        EXPECT_NE(message.find(row.limit), message.npos) << message;
      }
    }
  }
}

TEST(GenerationBody, RefusesWhatIsNoSize) {
  for (const char* size : {"",
                           "1024",
                           "x",
                           "256x",
                           "x256",
                           "0x0",
                           "0x256",
                           "-8x256",
                           "+8x256",
                           "256X256",
                           "256×256",
                           "256x256x256",
                           " 256x256",
                           "256 x 256",
                           "256x256 ",
                           "08x256",
                           "0x10x8",
                           "2e2x256",
                           "２５６x２５６",
                           "256.0x256",
                           "99999999999999999999x8",
                           "AUTO"}) {
    const auto refusal = refusal_of("size", "\"" + std::string(size) + "\"");
    ASSERT_TRUE(refusal) << size;
    EXPECT_EQ(refusal->code(), ErrorCode::unsupported_size) << size;
    EXPECT_EQ(refusal->param(), "size") << size;
  }
  EXPECT_EQ(refusal_of("size", "256")->param(), "size");
  EXPECT_EQ(refusal_of("size", "[256,256]")->param(), "size");
}

TEST(GenerationBody, HasSizesBeyondTheLimitsRefusedAsSize) {
  for (const char* size : {"\"99999x99999\"", "\"1032x8\"", "\"8x1032\"", "\"12x16\"",
                           "\"9223372036854775807x9223372036854775807\""}) {
    const auto refusal = refusal_of("size", size);
    ASSERT_TRUE(refusal) << size;
    EXPECT_EQ(refusal->code(), ErrorCode::unsupported_size) << size;
    EXPECT_EQ(refusal->param(), "size") << size;
    EXPECT_NE(std::string(refusal->what()).find("1024"), std::string::npos) << refusal->what();
  }
}

TEST(GenerationBody, TakesTwoNamesForOneFieldWhenTheyAgree) {
  EXPECT_EQ(read(with_prompt(R"("steps":4,"num_inference_steps":4)")).request.steps, 4);
  EXPECT_EQ(read(with_prompt(R"("num_inference_steps":4)")).request.steps, 4);
  EXPECT_EQ(read(with_prompt(R"("size":"16x8","width":16)")).request.height, 8);
  EXPECT_EQ(read(with_prompt(R"("size":"auto","width":16)")).request.width, 16);
  EXPECT_EQ(refusal_of(with_prompt(R"("steps":4,"num_inference_steps":5)"))->param(), "steps");
  EXPECT_EQ(refusal_of(with_prompt(R"("size":"16x8","height":16)"))->param(), "height");
}

TEST(GenerationBody, NeedsAPrompt) {
  for (const char* text : {"{}", R"({"prompt":null})"}) {
    EXPECT_EQ(refusal_of(text)->code(), ErrorCode::missing_field) << text;
    EXPECT_EQ(refusal_of(text)->param(), "prompt") << text;
  }
  for (const char* text : {R"({"prompt":["a"]})", R"({"prompt":1})", R"({"prompt":{}})"})
    EXPECT_EQ(refusal_of(text)->code(), ErrorCode::invalid_value) << text;
  EXPECT_TRUE(refusal_of("[]"));
  EXPECT_TRUE(refusal_of("\"a cat\""));
}

TEST(GenerationBody, RefusesWrongWordsAndTypes) {
  EXPECT_EQ(refusal_of("output_format", R"("gif")")->param(), "output_format");
  EXPECT_EQ(refusal_of("response_format", R"("b64")")->param(), "response_format");
  EXPECT_EQ(refusal_of("priority", R"("urgent")")->param(), "priority");
  EXPECT_EQ(refusal_of("priority", "1")->param(), "priority");
  EXPECT_EQ(refusal_of("stream", R"("true")")->param(), "stream");
  EXPECT_EQ(refusal_of("stream", "1")->param(), "stream");
  EXPECT_EQ(refusal_of("model", "7")->param(), "model");
  EXPECT_EQ(refusal_of("sampler", R"("unknown")")->param(), "sampler");
  EXPECT_EQ(refusal_of("request_id", R"("")")->param(), "request_id");
  EXPECT_EQ(refusal_of("request_id", R"("two words")")->param(), "request_id");
  EXPECT_EQ(refusal_of("request_id", "\"" + std::string(256, 'a') + "\"")->param(), "request_id");
}

TEST(GenerationBody, ReportsWhatItKnowsAndCannotHonour) {
  const GenerationBody body = read(with_prompt(
      R"("user":"u","quality":"hd","style":"vivid","background":"auto","moderation":"low",
         "output_compression":50)"));
  EXPECT_EQ(body.ignored, (std::vector<std::string>{"quality", "style", "background", "moderation",
                                                    "user", "output_compression"}));
}

TEST(GenerationBody, MeetsUnknownFieldsByTheRuleOfTheRoute) {
  const std::string text = with_prompt(R"("stepz":4,"lora":"../../etc/passwd")");
  EXPECT_NO_THROW(read(text, UnknownFields::ignore));
  try {
    read(text, UnknownFields::refuse);
    FAIL() << "took an unknown field";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::unknown_field);
    EXPECT_EQ(error.param(), "lora");
  }
}

TEST(GenerationBody, HasOneFingerprintPerContent) {
  const auto fingerprint = [](const char* text) { return read(text).fingerprint; };
  EXPECT_EQ(fingerprint(R"({"prompt":"a","n":1})"), fingerprint(R"( {"n":1, "prompt":"a"} )"));
  EXPECT_NE(fingerprint(R"({"prompt":"a","n":1})"), fingerprint(R"({"prompt":"a","n":2})"));
  EXPECT_NE(fingerprint(R"({"prompt":"a"})"), fingerprint(R"({"prompt":"b"})"));
}

}  // namespace
}  // namespace bafa::http
