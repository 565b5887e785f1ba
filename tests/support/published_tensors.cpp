#include "support/published_tensors.h"

#include <string>

namespace bafa::test {
namespace {

std::string indexed(const std::string& list, std::size_t index) {
  return list + "." + std::to_string(index);
}

void add_resnet(TensorList& list, const std::string& name, std::int64_t in, std::int64_t out,
                std::int64_t time = 0) {
  list.add_biased(name + ".norm1", {in});
  list.add_biased(name + ".conv1", {out, in, 3, 3});
  if (time > 0) list.add_biased(name + ".time_emb_proj", {out, time});
  list.add_biased(name + ".norm2", {out});
  list.add_biased(name + ".conv2", {out, out, 3, 3});
  if (in != out) list.add_biased(name + ".conv_shortcut", {out, in, 1, 1});
}

// ---- U-Nets -----------------------------------------------------------------------------------

void add_attention(TensorList& list, const std::string& name, std::int64_t width,
                   std::int64_t context) {
  list.add(name + ".to_q.weight", {width, width});
  list.add(name + ".to_k.weight", {width, context});
  list.add(name + ".to_v.weight", {width, context});
  list.add_biased(name + ".to_out.0", {width, width});
}

void add_transformer(TensorList& list, const std::string& name, std::int64_t width,
                     std::size_t layers, const UNetShape& unet) {
  const Shape projection = unet.linear ? Shape{width, width} : Shape{width, width, 1, 1};
  list.add_biased(name + ".norm", {width});
  list.add_biased(name + ".proj_in", projection);
  for (std::size_t k = 0; k < layers; ++k) {
    const std::string block = indexed(name + ".transformer_blocks", k);
    for (const char* norm : {".norm1", ".norm2", ".norm3"}) list.add_biased(block + norm, {width});
    add_attention(list, block + ".attn1", width, width);
    add_attention(list, block + ".attn2", width, unet.text);
    list.add_biased(block + ".ff.net.0.proj", {8 * width, width});
    list.add_biased(block + ".ff.net.2", {width, 4 * width});
  }
  list.add_biased(name + ".proj_out", projection);
}

void add_down_path(TensorList& list, const UNetShape& unet, std::int64_t time) {
  std::int64_t in = unet.channels.front();
  for (std::size_t i = 0; i < unet.channels.size(); ++i) {
    const std::string block = indexed("down_blocks", i);
    const std::int64_t width = unet.channels[i];
    for (std::size_t j = 0; j < 2; ++j) {
      add_resnet(list, indexed(block + ".resnets", j), in, width, time);
      in = width;
      if (unet.transformers[i] == 0) continue;
      add_transformer(list, indexed(block + ".attentions", j), width, unet.transformers[i], unet);
    }
    if (i + 1 < unet.channels.size()) {
      list.add_biased(block + ".downsamplers.0.conv", {width, width, 3, 3});
    }
  }
}

void add_up_path(TensorList& list, const UNetShape& unet, std::int64_t time) {
  const std::size_t levels = unet.channels.size();
  std::int64_t in = unet.channels.back();
  for (std::size_t i = 0; i < levels; ++i) {
    const std::string block = indexed("up_blocks", i);
    const std::size_t level = levels - 1 - i;
    const std::int64_t width = unet.channels[level];
    const std::int64_t finer = unet.channels[level == 0 ? 0 : level - 1];
    for (std::size_t j = 0; j < 3; ++j) {
      const std::int64_t skip = j == 2 ? finer : width;
      add_resnet(list, indexed(block + ".resnets", j), in + skip, width, time);
      in = width;
      if (unet.transformers[level] == 0) continue;
      add_transformer(list, indexed(block + ".attentions", j), width, unet.transformers[level],
                      unet);
    }
    if (level > 0) list.add_biased(block + ".upsamplers.0.conv", {width, width, 3, 3});
  }
}

}  // namespace

TensorList unet_tensors(const UNetShape& unet) {
  TensorList list;
  const std::int64_t first = unet.channels.front();
  const std::int64_t last = unet.channels.back();
  const std::int64_t time = 4 * first;
  list.add_biased("conv_in", {first, 4, 3, 3});
  list.add_biased("time_embedding.linear_1", {time, first});
  list.add_biased("time_embedding.linear_2", {time, time});
  if (unet.addition > 0) {
    list.add_biased("add_embedding.linear_1", {time, unet.addition});
    list.add_biased("add_embedding.linear_2", {time, time});
  }
  add_down_path(list, unet, time);
  add_resnet(list, "mid_block.resnets.0", last, last, time);
  add_transformer(list, "mid_block.attentions.0", last, unet.mid_transformers, unet);
  add_resnet(list, "mid_block.resnets.1", last, last, time);
  add_up_path(list, unet, time);
  list.add_biased("conv_norm_out", {first});
  list.add_biased("conv_out", {4, first, 3, 3});
  return list;
}

namespace {

// ---- autoencoders -----------------------------------------------------------------------------

void add_mid_block(TensorList& list, const std::string& name) {
  add_resnet(list, name + ".resnets.0", 512, 512);
  list.add_biased(name + ".attentions.0.group_norm", {512});
  for (const char* part : {".to_q", ".to_k", ".to_v", ".to_out.0"}) {
    list.add_biased(name + ".attentions.0" + part, {512, 512});
  }
  add_resnet(list, name + ".resnets.1", 512, 512);
}

}  // namespace

TensorList vae_tensors(std::int64_t latents, bool quant_convs) {
  const std::vector<std::int64_t> channels{128, 256, 512, 512};
  TensorList list;
  list.add_biased("encoder.conv_in", {128, 3, 3, 3});
  list.add_biased("decoder.conv_in", {512, latents, 3, 3});
  std::int64_t down = 128;
  std::int64_t up = 512;
  for (std::size_t i = 0; i < channels.size(); ++i) {
    const std::string down_block = indexed("encoder.down_blocks", i);
    const std::string up_block = indexed("decoder.up_blocks", i);
    const std::int64_t coarser = channels[channels.size() - 1 - i];
    for (std::size_t j = 0; j < 2; ++j) {
      add_resnet(list, indexed(down_block + ".resnets", j), down, channels[i]);
      down = channels[i];
    }
    for (std::size_t j = 0; j < 3; ++j) {
      add_resnet(list, indexed(up_block + ".resnets", j), up, coarser);
      up = coarser;
    }
    if (i == 3) continue;
    list.add_biased(down_block + ".downsamplers.0.conv", {down, down, 3, 3});
    list.add_biased(up_block + ".upsamplers.0.conv", {up, up, 3, 3});
  }
  for (const std::string coder : {"encoder", "decoder"}) add_mid_block(list, coder + ".mid_block");
  list.add_biased("encoder.conv_norm_out", {512});
  list.add_biased("encoder.conv_out", {2 * latents, 512, 3, 3});
  list.add_biased("decoder.conv_norm_out", {128});
  list.add_biased("decoder.conv_out", {3, 128, 3, 3});
  if (quant_convs) {
    list.add_biased("quant_conv", {2 * latents, 2 * latents, 1, 1});
    list.add_biased("post_quant_conv", {latents, latents, 1, 1});
  }
  return list;
}

// ---- text encoders ----------------------------------------------------------------------------

TensorList clip_tensors(const ClipShape& clip) {
  TensorList list;
  const std::int64_t width = clip.width;
  list.add("text_model.embeddings.token_embedding.weight", {49408, width});
  list.add("text_model.embeddings.position_embedding.weight", {77, width});
  for (std::size_t i = 0; i < clip.layers; ++i) {
    const std::string layer = indexed("text_model.encoder.layers", i);
    for (const char* norm : {".layer_norm1", ".layer_norm2"}) {
      list.add_biased(layer + norm, {width});
    }
    for (const char* part : {".q_proj", ".k_proj", ".v_proj", ".out_proj"}) {
      list.add_biased(layer + ".self_attn" + part, {width, width});
    }
    list.add_biased(layer + ".mlp.fc1", {4 * width, width});
    list.add_biased(layer + ".mlp.fc2", {width, 4 * width});
  }
  list.add_biased("text_model.final_layer_norm", {width});
  if (clip.projection) list.add("text_projection.weight", {width, width});
  return list;
}

TensorList qwen3_tensors() {
  TensorList list;
  list.add("model.embed_tokens.weight", {151936, 2560});
  for (std::size_t i = 0; i < 36; ++i) {
    const std::string layer = indexed("model.layers", i);
    for (const char* norm : {".input_layernorm", ".post_attention_layernorm"}) {
      list.add(layer + norm + ".weight", {2560});
    }
    list.add(layer + ".self_attn.q_proj.weight", {4096, 2560});
    for (const char* part : {".k_proj", ".v_proj"}) {
      list.add(layer + ".self_attn" + part + ".weight", {1024, 2560});
    }
    list.add(layer + ".self_attn.o_proj.weight", {2560, 4096});
    for (const char* norm : {".q_norm", ".k_norm"}) {
      list.add(layer + ".self_attn" + norm + ".weight", {128});
    }
    for (const char* part : {".gate_proj", ".up_proj"}) {
      list.add(layer + ".mlp" + part + ".weight", {9728, 2560});
    }
    list.add(layer + ".mlp.down_proj.weight", {2560, 9728});
  }
  list.add("model.norm.weight", {2560});
  return list;
}

namespace {

// ---- Z-Image ----------------------------------------------------------------------------------

constexpr std::int64_t kDim = 3840;
constexpr std::int64_t kInner = 10240;
constexpr std::int64_t kTime = 256;

void add_z_image_block(TensorList& list, const std::string& name, bool modulated) {
  for (const char* part : {".to_q", ".to_k", ".to_v", ".to_out.0"}) {
    list.add(name + ".attention" + part + ".weight", {kDim, kDim});
  }
  for (const char* norm : {".norm_q", ".norm_k"}) {
    list.add(name + ".attention" + norm + ".weight", {128});
  }
  list.add(name + ".feed_forward.w1.weight", {kInner, kDim});
  list.add(name + ".feed_forward.w2.weight", {kDim, kInner});
  list.add(name + ".feed_forward.w3.weight", {kInner, kDim});
  for (const char* norm : {".attention_norm1", ".attention_norm2", ".ffn_norm1", ".ffn_norm2"}) {
    list.add(name + norm + ".weight", {kDim});
  }
  if (modulated) list.add_biased(name + ".adaLN_modulation.0", {4 * kDim, kTime});
}

}  // namespace

TensorList z_image_tensors() {
  TensorList list;
  list.add_biased("all_x_embedder.2-1", {kDim, 64});
  list.add_biased("t_embedder.mlp.0", {1024, 256});
  list.add_biased("t_embedder.mlp.2", {kTime, 1024});
  list.add("cap_embedder.0.weight", {2560});
  list.add_biased("cap_embedder.1", {kDim, 2560});
  for (const char* token : {"x_pad_token", "cap_pad_token"}) list.add(token, {1, kDim});
  for (std::size_t i = 0; i < 2; ++i) {
    add_z_image_block(list, indexed("noise_refiner", i), true);
    add_z_image_block(list, indexed("context_refiner", i), false);
  }
  for (std::size_t i = 0; i < 30; ++i) add_z_image_block(list, indexed("layers", i), true);
  list.add_biased("all_final_layer.2-1.adaLN_modulation.1", {kDim, kTime});
  list.add_biased("all_final_layer.2-1.linear", {64, kDim});
  return list;
}

}  // namespace bafa::test
