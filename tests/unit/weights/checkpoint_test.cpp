#include "weights/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <span>
#include <string>
#include <vector>

#include "support/refused.h"
#include "support/temporary_folder.h"
#include "weights/safetensors_writer.h"

namespace bafa::weights {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Key;

// A file whose tensors each hold the one byte `value`.
std::string file_with(const std::vector<std::string>& names, std::byte value = std::byte{7}) {
  const std::array<std::byte, 1> bytes{value};
  std::vector<TensorToWrite> tensors;
  for (const std::string& name : names)
    tensors.push_back({.name = name, .type = StoredType::u8, .shape = {1}, .bytes = bytes});
  return safetensors_file(tensors, {});
}

std::string index_of(const std::string& weight_map) {
  return R"({"metadata":{"total_size":2},"weight_map":)" + weight_map + "}";
}

class CheckpointTest : public testing::Test {
 protected:
  std::string refusal(const std::string& stem = "model") const {
    const test::Refused refused = test::refused([&] { Checkpoint(folder.path(), stem); });
    EXPECT_EQ(refused.code, ErrorCode::invalid_model);
    return refused.message;
  }

  test::TemporaryFolder folder;
};

TEST_F(CheckpointTest, FindsTheFileOfItsStem) {
  folder.write("model.safetensors", file_with({"a", "b"}));
  folder.write("other.safetensors", file_with({"c"}));
  const Checkpoint checkpoint(folder.path(), "model");
  EXPECT_THAT(checkpoint.tensors(), ElementsAre(Key("a"), Key("b")));
  EXPECT_EQ(checkpoint.total_bytes(), 2u);
  EXPECT_EQ(checkpoint.bytes(checkpoint.tensors().at("a"))[0], std::byte{7});
}

TEST_F(CheckpointTest, FallsBackOnTheHalfPrecisionVariant) {
  folder.write("model.fp16.safetensors", file_with({"half"}));
  EXPECT_THAT(Checkpoint(folder.path(), "model").tensors(), ElementsAre(Key("half")));
  folder.write("model.safetensors", file_with({"full"}));
  EXPECT_THAT(Checkpoint(folder.path(), "model").tensors(), ElementsAre(Key("full")));
}

TEST_F(CheckpointTest, JoinsShards) {
  folder.write("model-1.safetensors", file_with({"a"}, std::byte{1}));
  folder.write("model-2.safetensors", file_with({"b"}, std::byte{2}));
  for (const char* name : {"model.safetensors.index.json", "half.safetensors.index.fp16.json"})
    folder.write(name, index_of(R"({"a":"model-1.safetensors","b":"model-2.safetensors"})"));
  for (const char* stem : {"model", "half"}) {
    const Checkpoint checkpoint(folder.path(), stem);
    EXPECT_THAT(checkpoint.tensors(), ElementsAre(Key("a"), Key("b")));
    EXPECT_EQ(checkpoint.bytes(checkpoint.tensors().at("b"))[0], std::byte{2});
  }
}

TEST_F(CheckpointTest, RefusesAnIndexThatDisagreesWithItsShards) {
  folder.write("model-1.safetensors", file_with({"a"}));
  folder.write("model-2.safetensors", file_with({"b"}));
  const auto refusal_of = [&](const std::string& weight_map) {
    folder.write("model.safetensors.index.json", index_of(weight_map));
    return refusal();
  };
  EXPECT_THAT(refusal_of(R"({"a":"model-1.safetensors","c":"model-2.safetensors"})"),
              HasSubstr("tensor c is not in model-2.safetensors"));
  EXPECT_THAT(refusal_of(R"({"a":"model-2.safetensors","b":"model-1.safetensors"})"),
              HasSubstr("is not in"));
  folder.write("model-2.safetensors", file_with({"b", "d"}));
  EXPECT_THAT(refusal_of(R"({"a":"model-1.safetensors","b":"model-2.safetensors"})"),
              HasSubstr("does not list tensor d"));
  folder.write("model-2.safetensors", file_with({"a", "b"}));
  EXPECT_THAT(refusal_of(R"({"a":"model-1.safetensors","b":"model-2.safetensors"})"),
              HasSubstr("tensor a is in another shard too"));
  EXPECT_THAT(refusal_of("{}"), HasSubstr("empty"));
  EXPECT_THAT(refusal_of(R"({"a":1})"), HasSubstr("file name"));
}

TEST_F(CheckpointTest, RefusesShardsOutsideTheFolder) {
  folder.write("up.safetensors", file_with({"a"}));
  for (const char* name : {"../up.safetensors", "/etc/passwd", "sub/up.safetensors", "..", ""}) {
    folder.write("inner/model.safetensors.index.json",
                 index_of(R"({"a":")" + std::string(name) + R"("})"));
    const test::Refused refused =
        test::refused([&] { Checkpoint(folder.path() / "inner", "model"); });
    EXPECT_EQ(refused.code, ErrorCode::invalid_model);
    EXPECT_THAT(refused.message, HasSubstr("not a plain file name"));
  }
}

TEST_F(CheckpointTest, RefusesPickleFilesAndSaysWhy) {
  for (const char* name : {"pytorch_model.bin", "model.ckpt", "model.pt", "model.pth"}) {
    const test::TemporaryFolder other;
    other.write(name, "\x80\x02}q\x01.");
    const test::Refused refused = test::refused([&] { Checkpoint(other.path(), "model"); });
    EXPECT_EQ(refused.code, ErrorCode::invalid_model);
    EXPECT_THAT(refused.message, HasSubstr("can run any program hidden in it"));
    EXPECT_THAT(refused.message, HasSubstr(name));
    EXPECT_THAT(test::refused([&] { Checkpoint(other.path() / name); }).message,
                HasSubstr("pickle"));
  }
  folder.write("model.safetensors.index.json", index_of(R"({"a":"pytorch_model.bin"})"));
  EXPECT_THAT(refusal(), HasSubstr("pickle"));
}

TEST_F(CheckpointTest, SaysWhatIsMissing) {
  EXPECT_THAT(refusal("diffusion_pytorch_model"),
              HasSubstr("no diffusion_pytorch_model.safetensors"));
}

TEST_F(CheckpointTest, SaysWhichShardIsMissing) {
  folder.write("model-1.safetensors", file_with({"a"}));
  folder.write("model.safetensors.index.json",
               index_of(R"({"a":"model-1.safetensors","b":"model-2.safetensors"})"));
  EXPECT_THAT(refusal(), HasSubstr("model-2.safetensors: this file is missing; fetch"));
}

TEST_F(CheckpointTest, NoticesThatItsFileChanged) {
  const auto file = folder.write("model.safetensors", file_with({"a"}));
  const Checkpoint checkpoint(folder.path(), "model");
  folder.write("model.safetensors", file_with({"a", "b"}));
  const test::Refused refused =
      test::refused([&] { checkpoint.bytes(checkpoint.tensors().at("a")); });
  EXPECT_EQ(refused.code, ErrorCode::invalid_model);
  EXPECT_THAT(refused.message, HasSubstr("changed while it was being loaded"));
}

}  // namespace
}  // namespace bafa::weights
