"""Networks one by one: each option that a checkpoint may have, in small, and the tensors of the
published sizes by name and shape."""
import json

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderTiny,
    LatentConsistencyModelPipeline,
    UNet2DConditionModel,
)
from diffusers.pipelines.deprecated.alt_diffusion.modeling_roberta_series import (
    RobertaSeriesConfig,
    RobertaSeriesModelWithTransformation,
)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from golden.common import save, scramble, write_json

CROSS_DIM = 24
OLD_ATTENTION_NAMES = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}


def clip_config(**changes):
    return CLIPTextConfig(**dict(
        vocab_size=60, hidden_size=24, intermediate_size=40, projection_dim=20,
        num_hidden_layers=3, num_attention_heads=3, max_position_embeddings=12,
        hidden_act="quick_gelu", eos_token_id=59, bos_token_id=58, pad_token_id=59) | changes)


def make_clip(out):
    """The plain encoder as published files name its tensors; the projected one as the library
    does, with the end of the text found in both ways."""
    ids = torch.tensor([[58, 7, 9, 30, 59, 59, 59, 59, 59, 59, 59, 59],
                        [58, 1, 59, 0, 0, 0, 0, 0, 0, 0, 0, 0]])
    folder = out / "clip_text"
    model = scramble(CLIPTextModel(clip_config()), 50)
    model.config.save_pretrained(folder)
    weights = {f"text_model.{name}": tensor for name, tensor in model.state_dict().items()}
    weights["text_model.embeddings.position_ids"] = torch.arange(12)[None]
    save(folder / "model.safetensors", weights)
    output = model(ids, output_hidden_states=True)
    save(folder / "golden.safetensors",
         {"token_ids": ids, "last_hidden_state": output.last_hidden_state,
          "hidden_states.1": output.hidden_states[-2], "hidden_states.2": output.hidden_states[-3],
          "clip_skip.1": model.final_layer_norm(output.hidden_states[-2])})

    folder = out / "clip_text_projection"
    model = scramble(CLIPTextModelWithProjection(clip_config(hidden_act="gelu", eos_token_id=2)),
                     51)
    model.save_pretrained(folder)
    output = model(ids, output_hidden_states=True)
    golden = {"token_ids": ids, "hidden_states.1": output.hidden_states[-2],
              "text_embeds.highest_id": output.text_embeds}
    model.text_model.eos_token_id = 7  # is in the first text only
    golden["text_embeds.eos_7"] = model(ids).text_embeds
    save(folder / "golden.safetensors", golden)


def make_unet(folder, seed, **changes):
    config = dict(
        sample_size=8, block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=4,
        cross_attention_dim=CROSS_DIM, attention_head_dim=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"))
    unet = scramble(UNet2DConditionModel(**(config | changes)), seed).half()
    unet.save_pretrained(folder)
    return unet.float()


def make_unets(out):
    generator = torch.Generator().manual_seed(12)
    randn = lambda *shape: torch.randn(shape, generator=generator)  # noqa: E731
    sample, text = randn(2, 4, 9, 11), randn(2, 5, CROSS_DIM)
    timesteps = torch.tensor([999.0, 123.456])
    inputs = {"sample": sample, "text": text, "timesteps": timesteps}

    unet = make_unet(out / "unet_text_time", 60, use_linear_projection=True,
                     transformer_layers_per_block=(1, 2), attention_head_dim=(2, 4),
                     addition_embed_type="text_time", addition_time_embed_dim=8,
                     projection_class_embeddings_input_dim=6 * 8 + 20)
    added = {"text_embeds": randn(2, 20),
             "time_ids": torch.tensor([[1023.0, 77, 0, 0, 1023, 77], [512, 640, 3, 5, 88, 72]])}
    prediction = unet(sample, timesteps, text, added_cond_kwargs=added).sample
    golden = inputs | {"pooled": added["text_embeds"], "size_ids": added["time_ids"],
                       "prediction": prediction}
    # In bf16, the pipeline rounds the sizes: 1023 becomes 1024.
    added["time_ids"] = added["time_ids"].bfloat16().float()
    golden["prediction.bf16_sizes"] = unet(sample, timesteps, text, added_cond_kwargs=added).sample
    save(out / "unet_text_time" / "golden.safetensors", golden)

    unet = make_unet(out / "unet_guidance", 61, time_cond_proj_dim=16)
    scales = torch.tensor([8.5, 1.3], dtype=torch.float64)
    embedding = LatentConsistencyModelPipeline.get_guidance_scale_embedding(
        None, (scales - 1).float(), embedding_dim=16)
    prediction = unet(sample, timesteps, text, timestep_cond=embedding).sample
    save(out / "unet_guidance" / "golden.safetensors",
         inputs | {"guidance_embedding": embedding, "prediction": prediction})


def make_autoencoders(out):
    generator = torch.Generator().manual_seed(13)
    latents = torch.randn(2, 4, 5, 7, generator=generator)
    folder = out / "vae_old_names"
    vae = scramble(AutoencoderKL(
        block_out_channels=(4, 8), layers_per_block=1, norm_num_groups=4, sample_size=16,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
    ), 70)
    vae.save_config(folder)
    weights = {}
    for name, tensor in vae.state_dict().items():
        if ".attentions." in name:
            for new, old in OLD_ATTENTION_NAMES.items():
                name = name.replace(f".{new}.", f".{old}.")
        weights[name] = tensor
    save(folder / "diffusion_pytorch_model.safetensors", weights)
    save(folder / "golden.safetensors",
         {"latents": latents,
          "decoded": vae.decode(latents / vae.config.scaling_factor).sample})

    folder = out / "vae_tiny"
    vae = scramble(AutoencoderTiny(
        encoder_block_out_channels=(8,) * 3, decoder_block_out_channels=(8,) * 3,
        num_encoder_blocks=(1, 1, 1), num_decoder_blocks=(2, 1, 1)), 71)
    vae.save_pretrained(folder)
    # Beyond the range within which the decoder takes latents as they are.
    latents = 4 * latents
    save(folder / "golden.safetensors",
         {"latents": latents,
          "decoded": vae.decode(latents / vae.config.scaling_factor).sample})


def make_tiles(out):
    """Both autoencoders with pictures of several tiles, the last of them cut short by the picture."""
    generator = torch.Generator().manual_seed(14)
    for name, kind, channels, sides, scale in (
            ("vae_attention", AutoencoderKL, 6, (14, 9), 2), ("vae_tiny", AutoencoderTiny, 4, (9, 8), 4)):
        vae = kind.from_pretrained(out / name, torch_dtype=torch.float32).eval()
        vae.enable_tiling()
        vae.tile_latent_min_size, vae.tile_sample_min_size = 8, 8 * scale
        vae.spatial_scale_factor = scale
        latents = torch.randn(1, channels, *sides, generator=generator)
        unscaled = latents / vae.config.scaling_factor + (vae.config.shift_factor or 0)
        save(out / name / "tiled.safetensors",
             {"latents": latents, "decoded": vae.decode(unscaled).sample}, tile=8)


LEVELS = (320, 640, 1280, 1280)
SD_15 = dict(block_out_channels=LEVELS, cross_attention_dim=768, attention_head_dim=8)
SD_2 = dict(block_out_channels=LEVELS, cross_attention_dim=1024,
            attention_head_dim=[5, 10, 20, 20], use_linear_projection=True, upcast_attention=True)
SDXL = dict(block_out_channels=(320, 640, 1280), cross_attention_dim=2048,
            attention_head_dim=[5, 10, 20], transformer_layers_per_block=[1, 2, 10],
            use_linear_projection=True, addition_embed_type="text_time",
            addition_time_embed_dim=256, projection_class_embeddings_input_dim=2816,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"))
VAE = dict(block_out_channels=(128, 256, 512, 512), layers_per_block=2,
           down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4)
CLIP_L = dict(hidden_size=768, intermediate_size=3072, num_hidden_layers=12,
              num_attention_heads=12)
CLIP_H = dict(hidden_size=1024, intermediate_size=4096, num_hidden_layers=23,
              num_attention_heads=16, hidden_act="gelu")
CLIP_BIG_G = dict(hidden_size=1280, intermediate_size=5120, num_hidden_layers=32,
                  num_attention_heads=20, hidden_act="gelu", projection_dim=1280)
XLM_R = dict(vocab_size=250002, hidden_size=1024, num_hidden_layers=24, num_attention_heads=16,
             intermediate_size=4096, max_position_embeddings=514, type_vocab_size=1,
             layer_norm_eps=1e-5, project_dim=768)

TRUE_SIZES = {
    "unet_sd_15": lambda: UNet2DConditionModel(**SD_15),
    "unet_sd_2": lambda: UNet2DConditionModel(**SD_2),
    "unet_sdxl": lambda: UNet2DConditionModel(**SDXL),
    "unet_lcm": lambda: UNet2DConditionModel(**SD_15, time_cond_proj_dim=256),
    "vae_sd": lambda: AutoencoderKL(**VAE),
    "vae_16_channels": lambda: AutoencoderKL(**VAE, latent_channels=16, use_quant_conv=False,
                                             use_post_quant_conv=False),
    "vae_tiny": lambda: AutoencoderTiny(),
    "clip_l": lambda: CLIPTextModel(CLIPTextConfig(**CLIP_L)),
    "clip_h": lambda: CLIPTextModel(CLIPTextConfig(**CLIP_H)),
    "clip_big_g": lambda: CLIPTextModelWithProjection(CLIPTextConfig(**CLIP_BIG_G)),
    "xlm_roberta": lambda: RobertaSeriesModelWithTransformation(RobertaSeriesConfig(**XLM_R)),
}


def make_true_sizes(out):
    """Every tensor of the published sizes, without a number of theirs."""
    out.mkdir()
    for name, build in TRUE_SIZES.items():
        with torch.device("meta"):
            model = build()
        described = model if hasattr(model, "to_json_string") else model.config
        config = json.loads(described.to_json_string())
        lines = [f"{tensor_name} {'x'.join(map(str, tensor.shape))}\n"
                 for tensor_name, tensor in sorted(model.state_dict().items())]
        (out / f"{name}.txt").write_text("".join(lines))
        write_json(out / f"{name}.json", config)


def make(out):
    make_clip(out)
    make_unets(out)
    make_autoencoders(out)
    make_tiles(out)
    make_true_sizes(out / "true_sizes")
