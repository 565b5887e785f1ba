#include "weights/weight_map.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "device/device.h"
#include "support/refused.h"
#include "support/temporary_folder.h"
#include "weights/safetensors_writer.h"

namespace bafa::weights {
namespace {

using testing::HasSubstr;
using testing::Not;

class WeightMapTest : public testing::Test {
 protected:
  void add(const std::string& name, std::vector<std::int64_t> shape, std::vector<float> values) {
    names_.push_back(name);
    shapes_.push_back(std::move(shape));
    values_.push_back(std::move(values));
  }

  WeightMap map(WeightOptions options = {}) {
    std::vector<TensorToWrite> tensors;
    for (std::size_t i = 0; i < names_.size(); ++i)
      tensors.push_back(
          {.name = names_[i], .shape = shapes_[i], .bytes = std::as_bytes(std::span(values_[i]))});
    folder_.write("model.safetensors", safetensors_file(tensors, {}));
    return WeightMap(Checkpoint(folder_.path(), "model"), std::move(options));
  }

  static std::string refusal(const WeightMap& map) {
    const test::Refused refused = test::refused([&] { map.finish(); });
    EXPECT_EQ(refused.code, ErrorCode::invalid_model);
    return refused.message;
  }

 private:
  test::TemporaryFolder folder_;
  std::vector<std::string> names_;
  std::vector<std::vector<std::int64_t>> shapes_;
  std::vector<std::vector<float>> values_;
};

TEST_F(WeightMapTest, GivesLayersTheirTensorsByScope) {
  add("blocks.0.conv.weight", {2, 1}, {1, 2});
  add("blocks.1.conv.weight", {2, 1}, {3, 4});
  WeightMap map = this->map();
  const WeightScope blocks = map.root() / "blocks";
  const at::Tensor first = (blocks / 0 / "conv").tensor("weight", {2, 1});
  const at::Tensor second = (blocks / 1 / "conv").tensor("weight", {2, 1});
  EXPECT_TRUE(at::equal(first, at::tensor({1.f, 2.f}).view({2, 1})));
  EXPECT_TRUE(at::equal(second, at::tensor({3.f, 4.f}).view({2, 1})));
  map.finish();
  EXPECT_EQ(map.loaded_bytes(), 16u);
}

TEST_F(WeightMapTest, ConvertsToTheRunTypeWithIslandsInOthers) {
  add("a", {1}, {1.00390625f});  // 1 + 2^-8: rounded to even by bf16
  add("island", {1}, {1.00390625f});
  WeightMap map = this->map({.dtype = at::kBFloat16});
  const at::Tensor a = map.root().tensor("a", {1});
  EXPECT_EQ(a.scalar_type(), at::kBFloat16);
  EXPECT_EQ(a.item<float>(), 1.0f);
  const at::Tensor island = map.root().tensor("island", {1}, at::kFloat);
  EXPECT_EQ(island.scalar_type(), at::kFloat);
  EXPECT_EQ(island.item<float>(), 1.00390625f);
  map.finish();
}

TEST_F(WeightMapTest, TensorsOutliveTheFile) {
  add("a", {2}, {5, 6});
  at::Tensor a;
  {
    WeightMap map = this->map();
    a = map.root().tensor("a", {2});
  }
  EXPECT_TRUE(at::equal(a, at::tensor({5.f, 6.f})));
}

// Bytes of its own that the process has in memory.
std::int64_t own_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word != "RssAnon:") continue;
    std::int64_t kilobytes = 0;
    status >> kilobytes;
    return kilobytes * 1024;
  }
  return 0;
}

// Sanitizers have allocators of their own, which keep what is freed.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define OTHER_ALLOCATOR
#endif
#endif

#if defined(__GLIBC__) && !defined(OTHER_ALLOCATOR)
// Layers copy a tensor on its way to a packed form, of which nothing may stay beside what they
// keep.
TEST_F(WeightMapTest, LeavesNoMemoryBehindBesideTheTensorsThatWereKept) {
  constexpr std::int64_t kElements = 2 << 20;  // in fp32 small enough for glibc to keep it
  constexpr int kTensors = 6;
  device::open_device(
      {.name = "cpu", .threads = 1});  // has glibc keep what is freed, as where bafa runs
  for (int i = 0; i < kTensors; ++i)
    add(std::to_string(i), {kElements}, std::vector<float>(kElements, 1.0F));
  std::vector<at::Tensor> kept;
  std::int64_t before = 0;
  {
    WeightMap map = this->map({.dtype = at::kBFloat16});
    ::malloc_trim(0);
    before = own_bytes();
    for (int i = 0; i < kTensors; ++i) {
      const at::Tensor wider = map.root().tensor(std::to_string(i), {kElements}).to(at::kFloat);
      kept.push_back(wider.to(at::kBFloat16));
    }
    map.finish();
  }
  const std::int64_t kept_bytes = kTensors * kElements * 2;
  EXPECT_GE(own_bytes() - before, kept_bytes);
  EXPECT_LE(own_bytes() - before, kept_bytes + kElements);
}
#endif

TEST_F(WeightMapTest, ChecksNamesAndShapesWithoutReadingOnTheMetaDevice) {
  add("weight", {2, 3}, {1, 2, 3, 4, 5, 6});
  add("bias", {3}, {1, 2, 3});
  WeightMap map = this->map({.dtype = at::kBFloat16, .device = at::kMeta});
  const at::Tensor weight = map.root().tensor("weight", {2, 3});
  EXPECT_TRUE(weight.is_meta());
  EXPECT_EQ(weight.scalar_type(), at::kBFloat16);
  map.root().tensor("bias", {2});
  EXPECT_THAT(refusal(map), HasSubstr("bias is [3] where [2] is due"));
}

TEST_F(WeightMapTest, TellsAllThatIsMissingWrongOrUnusedAtOnce) {
  add("wrong", {2, 3}, {1, 2, 3, 4, 5, 6});
  add("extra", {1}, {1});
  WeightMap map = this->map();
  const at::Tensor stand_in = map.root().tensor("gone", {4, 5});
  EXPECT_EQ(stand_in.sizes(), (std::vector<std::int64_t>{4, 5}));
  map.root().tensor("wrong", {3, 2});
  const std::string message = refusal(map);
  EXPECT_THAT(message, HasSubstr("1 missing: gone"));
  EXPECT_THAT(message, HasSubstr("wrong is [2,3] where [3,2] is due"));
  EXPECT_THAT(message, HasSubstr("1 unused: extra"));
}

TEST_F(WeightMapTest, ListsTheFirstTenOfMany) {
  add("a", {1}, {1});
  WeightMap map = this->map();
  map.root().tensor("a", {1});
  for (int i = 10; i < 25; ++i) map.root().tensor("gone" + std::to_string(i), {1});
  const std::string message = refusal(map);
  EXPECT_THAT(message, HasSubstr("15 missing: gone10, "));
  EXPECT_THAT(message, HasSubstr("gone19, ..."));
  EXPECT_THAT(message, Not(HasSubstr("gone20")));
}

TEST_F(WeightMapTest, LeavesIgnoredNamesAlone) {
  for (const char* name : {"encoder.conv.weight", "x.position_ids", "logit_scale"})
    add(name, {1}, {1});
  map({.ignored = {"encoder.*", "*.position_ids", "logit_scale"}}).finish();
  EXPECT_THAT(refusal(map({.ignored = {"encoder.*", "*.ids", "logit"}})),
              HasSubstr("2 unused: logit_scale, x.position_ids"));
}

TEST_F(WeightMapTest, NoticesThatItsFileWasWrittenWhileTheLastTensorWasCopied) {
  add("weight", {2}, {1, 2});
  WeightMap map = this->map();
  map.root().tensor("weight", {2});
  add("another", {1}, {3});
  const WeightMap written_anew = this->map();
  EXPECT_THAT(refusal(map), HasSubstr("changed while it was being loaded"));
}

TEST_F(WeightMapTest, RenamesOldNames) {
  add("old.weight", {1}, {9});
  WeightMap map = this->map({.rename = [](const std::string& name) {
    return name == "old.weight" ? "new.weight" : name;
  }});
  EXPECT_TRUE(map.root().contains("new.weight"));
  EXPECT_FALSE(map.root().contains("old.weight"));
  EXPECT_EQ((map.root() / "new").tensor("weight", {1}).item<float>(), 9.0f);
  map.finish();
}

TEST_F(WeightMapTest, RefusesTwoTensorsUnderOneName) {
  add("a", {1}, {1});
  add("b", {1}, {1});
  const auto to_a = [](const std::string&) { return std::string("a"); };
  EXPECT_EQ(test::refused([&] { map({.rename = to_a}); }).code, ErrorCode::invalid_model);
}

TEST_F(WeightMapTest, RefusesFloatsWhereIntegersAreDue) {
  add("a", {1}, {1});
  WeightMap map = this->map();
  map.root().tensor("a", {1}, at::kLong);
  EXPECT_THAT(refusal(map), HasSubstr("a is of type F32"));
}

// Old autoencoders keep the linear layers of their attention as 1x1 convolutions.
TEST_F(WeightMapTest, TakesOneByOneConvolutionsForLinearLayers) {
  add("weight", {2, 1, 1, 1}, {1, 2});
  WeightMap map = this->map();
  EXPECT_EQ(map.root().tensor("weight", {2, 1}).sizes(), (std::vector<std::int64_t>{2, 1}));
  map.finish();
}

// A hostile config may ask for sizes that no checkpoint has: that ends before memory is spent.
TEST_F(WeightMapTest, StopsAtOnceWhenAConfigAsksForAbsurdSizes) {
  add("a", {1}, {1});
  WeightMap map = this->map();
  const test::Refused refused =
      test::refused([&] { map.root().tensor("a", {1LL << 40, 1LL << 40}); });
  EXPECT_EQ(refused.code, ErrorCode::invalid_model);
  EXPECT_THAT(refused.message, HasSubstr("is due"));
}

}  // namespace
}  // namespace bafa::weights
