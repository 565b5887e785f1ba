#include "support/published_models.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "support/header_only.h"
#include "support/published_tensors.h"

namespace bafa::test {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::json;

const StoredAs kHalf{"F16", 2};
const StoredAs kBrain{"BF16", 2};
const StoredAs kFloat{"F32", 4};

const std::string kDiffusersFile = "diffusion_pytorch_model";

void write_json(const fs::path& file, const Json& json) {
  fs::create_directories(file.parent_path());
  std::ofstream(file) << json;
}

void write_index(const fs::path& folder, const std::string& family, const Json& components) {
  Json index = components;
  index["_class_name"] = family;
  index["_diffusers_version"] = "0.36.0";
  write_json(folder / "model_index.json", index);
  write_json(folder / "model.json", {{"defaults", {{"steps", 8}, {"guidance_scale", 0}}}});
}

Json vae_config(std::int64_t latents, std::int64_t sample_size) {
  return {{"_class_name", "AutoencoderKL"}, {"block_out_channels", {128, 256, 512, 512}},
          {"latent_channels", latents},     {"layers_per_block", 2},
          {"sample_size", sample_size},     {"force_upcast", true}};
}

Json clip_config(const ClipShape& clip) {
  return {{"hidden_size", clip.width},
          {"intermediate_size", 4 * clip.width},
          {"num_attention_heads", clip.width / 64},
          {"num_hidden_layers", clip.layers},
          {"max_position_embeddings", 77}};
}

}  // namespace

void write_sd15(const fs::path& folder) {
  write_index(folder, "StableDiffusionPipeline",
              {{"scheduler", {"diffusers", "PNDMScheduler"}},
               {"text_encoder", {"transformers", "CLIPTextModel"}},
               {"tokenizer", {"transformers", "CLIPTokenizer"}},
               {"safety_checker", {nullptr, nullptr}},
               {"unet", {"diffusers", "UNet2DConditionModel"}},
               {"vae", {"diffusers", "AutoencoderKL"}}});
  write_json(folder / "tokenizer" / "tokenizer_config.json", {{"model_max_length", 77}});
  write_json(folder / "text_encoder" / "config.json", clip_config({}));
  write_header_only(folder / "text_encoder" / "model.safetensors", clip_tensors({}), kHalf);
  write_json(folder / "unet" / "config.json",
             {{"sample_size", 64}, {"cross_attention_dim", 768}, {"attention_head_dim", 8}});
  write_header_only(
      folder / "unet" / (kDiffusersFile + ".safetensors"),
      unet_tensors({.channels = {320, 640, 1280, 1280}, .transformers = {1, 1, 1, 0}}), kHalf);
  write_json(folder / "vae" / "config.json", vae_config(4, 512));
  write_header_only(folder / "vae" / (kDiffusersFile + ".safetensors"), vae_tensors(4, true),
                    kHalf);
}

void write_sdxl(const fs::path& folder) {
  const ClipShape second{.width = 1280, .layers = 32, .projection = true};
  write_index(folder, "StableDiffusionXLPipeline",
              {{"scheduler", {"diffusers", "EulerDiscreteScheduler"}},
               {"text_encoder", {"transformers", "CLIPTextModel"}},
               {"text_encoder_2", {"transformers", "CLIPTextModelWithProjection"}},
               {"tokenizer", {"transformers", "CLIPTokenizer"}},
               {"tokenizer_2", {"transformers", "CLIPTokenizer"}},
               {"force_zeros_for_empty_prompt", true},
               {"unet", {"diffusers", "UNet2DConditionModel"}},
               {"vae", {"diffusers", "AutoencoderKL"}}});
  write_json(folder / "tokenizer" / "tokenizer_config.json", {{"model_max_length", 77}});
  write_json(folder / "text_encoder" / "config.json", clip_config({}));
  write_header_only(folder / "text_encoder" / "model.fp16.safetensors", clip_tensors({}), kHalf);
  write_json(folder / "text_encoder_2" / "config.json", clip_config(second));
  write_header_only(folder / "text_encoder_2" / "model.fp16.safetensors", clip_tensors(second),
                    kHalf);
  write_json(folder / "unet" / "config.json",
             {{"sample_size", 128},
              {"block_out_channels", {320, 640, 1280}},
              {"down_block_types", {"DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"}},
              {"up_block_types", {"CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"}},
              {"transformer_layers_per_block", {1, 2, 10}},
              {"attention_head_dim", {5, 10, 20}},
              {"cross_attention_dim", 2048},
              {"use_linear_projection", true},
              {"addition_embed_type", "text_time"}});
  write_header_only(folder / "unet" / (kDiffusersFile + ".fp16.safetensors"),
                    unet_tensors({.channels = {320, 640, 1280},
                                  .transformers = {0, 2, 10},
                                  .mid_transformers = 10,
                                  .text = 2048,
                                  .linear = true,
                                  .addition = 2816}),
                    kHalf);
  write_json(folder / "vae" / "config.json", vae_config(4, 1024));
  write_header_only(folder / "vae" / (kDiffusersFile + ".fp16.safetensors"), vae_tensors(4, true),
                    kHalf);
}

void write_z_image_turbo(const fs::path& folder) {
  write_index(folder, "ZImagePipeline",
              {{"scheduler", {"diffusers", "FlowMatchEulerDiscreteScheduler"}},
               {"text_encoder", {"transformers", "Qwen3Model"}},
               {"tokenizer", {"transformers", "Qwen2Tokenizer"}},
               {"transformer", {"diffusers", "ZImageTransformer2DModel"}},
               {"vae", {"diffusers", "AutoencoderKL"}}});
  write_json(folder / "tokenizer" / "tokenizer_config.json", {{"model_max_length", 131072}});
  write_json(folder / "text_encoder" / "config.json", {{"hidden_size", 2560},
                                                       {"num_hidden_layers", 36},
                                                       {"num_attention_heads", 32},
                                                       {"intermediate_size", 9728},
                                                       {"max_position_embeddings", 40960}});
  write_header_only_shards(folder / "text_encoder", "model", qwen3_tensors(), kBrain, 3);
  write_json(folder / "transformer" / "config.json", {{"all_patch_size", {2}},
                                                      {"all_f_patch_size", {1}},
                                                      {"in_channels", 16},
                                                      {"dim", 3840},
                                                      {"n_layers", 30},
                                                      {"n_refiner_layers", 2}});
  write_header_only_shards(folder / "transformer", kDiffusersFile, z_image_tensors(), kFloat, 3);
  write_json(folder / "vae" / "config.json", vae_config(16, 1024));
  write_header_only(folder / "vae" / (kDiffusersFile + ".safetensors"), vae_tensors(16, false),
                    kBrain);
}

}  // namespace bafa::test
