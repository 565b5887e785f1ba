#include "memory/workload.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace bafa::memory {
namespace {

const UNetFacts kSd15{.levels = {{320, 2, 1}, {640, 2, 1}, {1280, 2, 1}, {1280, 2, 0}},
                      .latent_channels = 4};
const UNetFacts kSdxl{.levels = {{320, 2, 0}, {640, 2, 2}, {1280, 2, 10}}, .latent_channels = 4};
const DecoderFacts kVae{.channels = {128, 256, 512, 512}, .latent_channels = 4};
const DiffusionTransformerFacts kZImage{
    .layers = {.features = 3840, .widest = 10240}, .patch = 2, .latent_channels = 16};
const TransformerFacts kClip{.features = 768, .widest = 3072, .heads = 12};

Workload square(std::int64_t side, std::int64_t batch = 1, std::int64_t tokens = 77) {
  return {.width = side, .height = side, .batch = batch, .tokens = tokens};
}

std::uint64_t plain(const std::vector<Activations>& choices) { return choices.front().bytes; }

// The most bytes of tensors alive at once beside weights in diffusers 0.42.1 (torch 2.11), bf16,
// traced on fake tensors: nothing of a kernel's own workspace is in them.
struct Traced {
  std::string name;
  double reference_mib;
  std::uint64_t estimate;
};

TEST(Workload, EstimatesWhatTheReferenceHasAliveAtOnce) {
  const auto bf16 = DataType::bf16;
  for (const Traced& row : {
           Traced{"SD 1.5, 512", 65.1, plain(unet_activations(kSd15, square(512), bf16, 8))},
           Traced{"SD 1.5, 512, 2", 130.3, plain(unet_activations(kSd15, square(512, 2), bf16, 8))},
           Traced{"SDXL, 1024", 157.9, plain(unet_activations(kSdxl, square(1024), bf16, 8))},
           Traced{"VAE, 512", 384.1, plain(decoder_activations(kVae, square(512), bf16))},
           Traced{"VAE, 1024", 1536.2, plain(decoder_activations(kVae, square(1024), bf16))},
           Traced{"Z-Image, 1024", 536.7,
                  plain(transformer_activations(kZImage, square(1024, 1, 512), bf16, 8))},
       }) {
    const double estimate = static_cast<double>(row.estimate) / (1 << 20);
    EXPECT_GE(estimate, 0.95 * row.reference_mib) << row.name;
    EXPECT_LE(estimate, 1.25 * row.reference_mib) << row.name;
  }
}

TEST(Workload, GrowsWithSizeBatchGuidanceAndDtype) {
  Workload guided = square(512);
  guided.guided = true;
  const std::uint64_t once = plain(unet_activations(kSd15, square(512), DataType::bf16, 8));
  EXPECT_EQ(plain(unet_activations(kSd15, guided, DataType::bf16, 8)),
            plain(unet_activations(kSd15, square(512, 2), DataType::bf16, 8)));
  EXPECT_EQ(plain(unet_activations(kSd15, guided, DataType::bf16, 8)), 2 * once);
  EXPECT_GT(plain(unet_activations(kSd15, square(520), DataType::bf16, 8)), once);
  EXPECT_GT(plain(unet_activations(kSd15, square(512), DataType::fp32, 8)), 19 * once / 10);
  EXPECT_EQ(plain(encoder_activations(kClip, square(512, 2), DataType::fp16)),
            plain(encoder_activations(kClip, square(512), DataType::fp16)))
      << "prompts are encoded in turn";
  const auto tokens = [](std::int64_t count) {
    return plain(transformer_activations(kZImage, square(512, 1, count), DataType::bf16, 8));
  };
  EXPECT_GT(tokens(512), tokens(77));
  EXPECT_EQ(tokens(65), tokens(96)) << "sequences are padded";
}

TEST(Workload, TheDecoderHasEverSmallerChoices) {
  for (const Workload& work : {square(512), square(1024), square(1024, 4), square(2048)}) {
    const std::vector<Activations> choices = decoder_activations(kVae, work, DataType::bf16);
    ASSERT_GT(choices.size(), 2u);
    EXPECT_EQ(choices.front().tile, 0);
    EXPECT_FALSE(choices.front().one_by_one);
    for (std::size_t i = 1; i < choices.size(); ++i) {
      EXPECT_LT(choices[i].bytes, choices[i - 1].bytes);
      EXPECT_EQ(choices[i].one_by_one, work.batch > 1);
      EXPECT_LT(choices[i].tile, work.width / 8) << "a tile as large as the picture is none";
    }
    EXPECT_EQ(choices.back().tile, 32);
  }
}

TEST(Workload, TheDecodersAttentionNeverHoldsAllScores) {
  // 65,536 tokens: all of them would be 8 GiB in bf16, twice.
  const auto choices = decoder_activations(kVae, square(2048), DataType::bf16);
  EXPECT_EQ(choices[0].tile, 0);
  EXPECT_LT(choices[0].bytes, 8ULL << 30);
}

TEST(Workload, NoFormulaOverflowsAtTheLimits) {
  const Workload most{.width = kMaxSide,
                      .height = kMaxSide,
                      .batch = kMaxBatch,
                      .tokens = kMaxTokens,
                      .guided = true};
  constexpr std::uint64_t kSane = 1ULL << 62;
  const UNetFacts unet{.levels = std::vector<UNetLevelFacts>(8, {kMaxWidth, 64, 64}),
                       .latent_channels = kMaxWidth};
  const DecoderFacts decoder{.channels = {kMaxWidth}, .latent_channels = kMaxWidth};
  const TransformerFacts layers{.features = kMaxWidth, .widest = kMaxWidth, .heads = 1024};
  for (const auto& choices :
       {unet_activations(unet, most, DataType::fp32, 1),
        decoder_activations(decoder, most, DataType::fp32),
        encoder_activations(layers, most, DataType::fp32),
        transformer_activations({layers, 1, kMaxWidth}, most, DataType::fp32, 1)}) {
    for (const Activations& choice : choices) {
      EXPECT_GT(choice.bytes, 1ULL << 30);
      EXPECT_LT(choice.bytes, kSane);
    }
  }
}

TEST(DataTypes, AreKnownByName) {
  for (const DataType type : {DataType::fp32, DataType::bf16, DataType::fp16}) {
    EXPECT_EQ(parse_data_type(to_string(type)), type);
  }
  EXPECT_EQ(parse_data_type("int8"), std::nullopt);
  EXPECT_EQ(size_bytes(DataType::fp32), 4u);
  EXPECT_EQ(size_bytes(DataType::bf16), 2u);
}

}  // namespace
}  // namespace bafa::memory
