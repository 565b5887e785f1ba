#include "http/image_stream.h"

#include <gtest/gtest.h>

namespace bafa::http {
namespace {

using namespace std::chrono_literals;

JobSnapshot job_of(int count) {
  JobSnapshot job;
  job.id = "j1";
  job.created_at = WallTime{1700000000s};
  job.params = {.prompt = "a cat",
                .negative_prompt = std::nullopt,
                .width = 256,
                .height = 128,
                .steps = 4,
                .guidance_scale = 1,
                .seed = 7,
                .count = count,
                .sampler = "euler"};
  job.prompt_tokens = 3;
  return job;
}

TEST(ImageStream, SendsPartialImagesByteForByte) {
  ImageStream stream(image::Format::png);
  const JobPreview preview{.image_index = 0, .step = 2, .image = nullptr};
  EXPECT_EQ(to_wire(stream.partial_image(job_of(1), preview, "foo")),
            "event: image_generation.partial_image\n"
            "data: {\"background\":\"opaque\",\"created_at\":1700000000,\"output_format\":\"png\","
            "\"partial_image_index\":0,\"quality\":\"auto\",\"size\":\"256x128\","
            "\"type\":\"image_generation.partial_image\",\"b64_json\":\"Zm9v\"}\n\n");
}

TEST(ImageStream, SendsCompletedImagesByteForByte) {
  const ImageStream stream(image::Format::webp);
  EXPECT_EQ(
      to_wire(stream.completed(job_of(1), 0, "foo")),
      "event: image_generation.completed\n"
      "data: {\"background\":\"opaque\",\"created_at\":1700000000,\"output_format\":\"webp\","
      "\"quality\":\"auto\",\"seed\":7,\"size\":\"256x128\","
      "\"timings\":{\"decode_seconds\":0.0,\"denoise_seconds\":0.0,\"encode_seconds\":0.0,"
      "\"queue_wait_seconds\":0.0},\"type\":\"image_generation.completed\","
      "\"usage\":{\"input_tokens\":3,\"input_tokens_details\":{\"image_tokens\":0,"
      "\"text_tokens\":3},\"output_tokens\":0,\"total_tokens\":3},\"b64_json\":\"Zm9v\"}\n\n");
}

TEST(ImageStream, CountsPartialImagesOfEachPicture) {
  ImageStream stream(image::Format::png);
  const JobSnapshot job = job_of(2);
  const auto sent = [&](int image, int step) {
    const JobPreview preview{.image_index = image, .step = step, .image = nullptr};
    EXPECT_TRUE(stream.wants(preview));
    const std::string data = stream.partial_image(job, preview, "foo").data;
    EXPECT_FALSE(stream.wants(preview));
    return data;
  };
  EXPECT_NE(
      sent(0, 1).find("\"image_index\":0,\"output_format\":\"png\",\"partial_image_index\":0"),
      std::string::npos);
  EXPECT_NE(
      sent(1, 1).find("\"image_index\":1,\"output_format\":\"png\",\"partial_image_index\":0"),
      std::string::npos);
  EXPECT_NE(
      sent(0, 3).find("\"image_index\":0,\"output_format\":\"png\",\"partial_image_index\":1"),
      std::string::npos);
}

TEST(ImageStream, SaysTheSeedOfEachPicture) {
  const ImageStream stream(image::Format::png);
  EXPECT_NE(stream.completed(job_of(2), 1, "foo").data.find("\"seed\":8"), std::string::npos);
}

TEST(ImageStream, TellsOfAFailureInMidStream) {
  EXPECT_EQ(
      to_wire(error_event({.code = ErrorCode::draining, .message = "the server is stopping"})),
      "event: error\n"
      "data: {\"error\":{\"message\":\"the server is stopping\",\"type\":\"server_error\","
      "\"param\":null,\"code\":\"draining\"}}\n\n");
}

}  // namespace
}  // namespace bafa::http
