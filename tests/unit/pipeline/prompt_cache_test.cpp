#include "pipeline/prompt_cache.h"

#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <memory>

namespace bafa::pipeline {
namespace {

// 1,000 floats.
std::shared_ptr<const ConditionedPrompt> four_kilobytes() {
  auto prompt = std::make_shared<ConditionedPrompt>();
  prompt->encoded.embeds = at::zeros({10, 100});
  return prompt;
}

TEST(PromptCache, CountsTheBytesOfEmbeddingsAndWhatWasPrepared) {
  ConditionedPrompt prompt;
  prompt.encoded.embeds = at::zeros({10, 100});
  prompt.prepared.tensors = {at::zeros({1, 50}), at::zeros({1, 50})};
  EXPECT_GE(size_bytes(prompt), 4400u);
  EXPECT_LT(size_bytes(prompt), 5000u);
}

TEST(PromptCache, CountsPooledTexts) {
  ConditionedPrompt prompt;
  prompt.encoded.embeds = at::zeros({10, 100});
  prompt.encoded.pooled = at::zeros({500});
  EXPECT_GE(size_bytes(prompt), 6000u);
}

TEST(PromptCache, TellsAnAbsentPromptFromAnEmptyOne) {
  PromptCache cache(10'000);
  const auto absent = four_kilobytes();
  cache.insert({std::nullopt}, absent);
  EXPECT_EQ(cache.find({""}), nullptr);
  cache.insert({""}, four_kilobytes());
  EXPECT_EQ(cache.find({std::nullopt}), absent);
  EXPECT_NE(cache.find({""}), absent);
}

TEST(PromptCache, TellsTheSamePromptWithFewerLayersApart) {
  PromptCache cache(10'000);
  const auto whole = four_kilobytes();
  const auto skipping = four_kilobytes();
  cache.insert({"a", 0}, whole);
  EXPECT_EQ(cache.find({"a", 2}), nullptr);
  cache.insert({"a", 2}, skipping);
  EXPECT_EQ(cache.find({"a", 2}), skipping);
  EXPECT_EQ(cache.find({"a", 0}), whole);
}

TEST(PromptCache, LetsTheLeastRecentlyUsedGo) {
  PromptCache cache(10'000);
  cache.insert({"a"}, four_kilobytes());
  cache.insert({"b"}, four_kilobytes());
  EXPECT_NE(cache.find({"a"}), nullptr);  // now b is the older one
  cache.insert({"c"}, four_kilobytes());
  EXPECT_NE(cache.find({"a"}), nullptr);
  EXPECT_EQ(cache.find({"b"}), nullptr);
  EXPECT_NE(cache.find({"c"}), nullptr);
  EXPECT_LE(cache.bytes(), 10'000u);
}

TEST(PromptCache, KeepsNothingThatAloneIsTooLarge) {
  PromptCache cache(1'000);
  cache.insert({"a"}, four_kilobytes());
  EXPECT_EQ(cache.find({"a"}), nullptr);
  EXPECT_EQ(cache.bytes(), 0u);
}

TEST(PromptCache, IsEmptyAfterClear) {
  PromptCache cache(10'000);
  const auto prompt = four_kilobytes();
  cache.insert({"a"}, prompt);
  EXPECT_EQ(cache.find({"a"}), prompt);
  cache.clear();
  EXPECT_EQ(cache.find({"a"}), nullptr);
  EXPECT_EQ(cache.bytes(), 0u);
}

}  // namespace
}  // namespace bafa::pipeline
