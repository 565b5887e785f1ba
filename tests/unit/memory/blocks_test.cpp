#include "memory/blocks.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bafa::memory {
namespace {

TEST(Blocks, AreNamedByTheFirstIndexOfAListOfLayers) {
  EXPECT_EQ(block_name("layers.29.attention.to_out.0.weight"), "layers.29");
  EXPECT_EQ(block_name("model.layers.0.mlp.gate_proj.weight"), "model.layers.0");
  EXPECT_EQ(block_name("noise_refiner.1.ffn_norm1.weight"), "noise_refiner.1");
  EXPECT_EQ(block_name("text_model.encoder.layers.11.mlp.fc1.bias"),
            "text_model.encoder.layers.11");
  EXPECT_EQ(block_name("roberta.encoder.layer.7.output.dense.weight"), "roberta.encoder.layer.7");
  EXPECT_EQ(block_name("encoder.block.3.layer.0.SelfAttention.q.weight"), "encoder.block.3");
  EXPECT_EQ(block_name("up_blocks.1.attentions.2.transformer_blocks.9.norm1.weight"),
            "up_blocks.1.attentions.2");
  EXPECT_EQ(block_name("down_blocks.0.resnets.1.conv1.weight"), "down_blocks.0.resnets.1");
  EXPECT_EQ(block_name("mid_block.resnets.0.norm1.weight"), "mid_block.resnets.0");
  EXPECT_EQ(block_name("down_blocks.0.downsamplers.0.conv.bias"), "down_blocks.0.downsamplers.0");
}

TEST(Blocks, LeaveOutWhatIsInNoList) {
  for (const char* name :
       {"conv_in.weight", "time_embedding.linear_1.weight", "t_embedder.mlp.0.weight",
        "cap_embedder.1.bias", "all_final_layer.2-1.linear.weight", "x_pad_token",
        "model.embed_tokens.weight", "model.norm.weight", "layers", "layers.norm.weight", ""}) {
    EXPECT_EQ(block_name(name), "") << name;
  }
}

std::vector<std::string> grouped(const std::vector<std::string>& names) {
  std::vector<TensorBytes> tensors;
  for (const std::string& name : names) tensors.push_back({name, 1});
  std::vector<std::string> blocks;
  for (const Block& block : group_blocks("x", tensors).blocks) blocks.push_back(block.name);
  return blocks;
}

TEST(Blocks, ComeInTheOrderInWhichAUNetRunsThem) {
  EXPECT_EQ(
      grouped({"down_blocks.0.attentions.0.norm.weight", "down_blocks.0.attentions.1.norm.weight",
               "down_blocks.0.downsamplers.0.conv.weight", "down_blocks.0.resnets.0.conv1.weight",
               "down_blocks.0.resnets.1.conv1.weight", "down_blocks.1.resnets.0.conv1.weight",
               "mid_block.attentions.0.norm.weight", "mid_block.resnets.0.conv1.weight",
               "mid_block.resnets.1.conv1.weight", "up_blocks.0.resnets.0.conv1.weight",
               "up_blocks.0.resnets.2.conv1.weight", "up_blocks.0.upsamplers.0.conv.weight"}),
      (std::vector<std::string>{
          "down_blocks.0.resnets.0", "down_blocks.0.attentions.0", "down_blocks.0.resnets.1",
          "down_blocks.0.attentions.1", "down_blocks.0.downsamplers.0", "down_blocks.1.resnets.0",
          "mid_block.resnets.0", "mid_block.attentions.0", "mid_block.resnets.1",
          "up_blocks.0.resnets.0", "up_blocks.0.resnets.2", "up_blocks.0.upsamplers.0"}));
}

TEST(Blocks, ComeInTheOrderInWhichATransformerRunsThem) {
  EXPECT_EQ(grouped({"context_refiner.0.w.weight", "layers.10.w.weight", "layers.2.w.weight",
                     "noise_refiner.1.w.weight", "noise_refiner.0.w.weight"}),
            (std::vector<std::string>{"noise_refiner.0", "noise_refiner.1", "context_refiner.0",
                                      "layers.2", "layers.10"}));
}

TEST(Blocks, HoldAllBytesTogetherWithWhatIsOutside) {
  const ComponentWeights weights = group_blocks("unet", {{"conv_in.weight", 5},
                                                         {"layers.0.a.weight", 20},
                                                         {"layers.0.b.weight", 30},
                                                         {"layers.1.a.weight", 100},
                                                         {"norm.weight", 1}});
  EXPECT_EQ(weights.name, "unet");
  EXPECT_EQ(weights.outside_bytes, 6u);
  ASSERT_EQ(weights.blocks.size(), 2u);
  EXPECT_EQ(weights.blocks[0].bytes, 50u);
  EXPECT_EQ(weights.blocks[1].bytes, 100u);
  EXPECT_EQ(weights.bytes(), 156u);
}

}  // namespace
}  // namespace bafa::memory
