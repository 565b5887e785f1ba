"""Checkpoints that no fixture has, for scripts/parity_unets: widths, depths, options, samplers and number
formats drawn at random, or the published sizes."""
import types

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderTiny,
    LatentConsistencyModelPipeline,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from diffusers.pipelines.deprecated.alt_diffusion.modeling_roberta_series import (
    RobertaSeriesConfig,
    RobertaSeriesModelWithTransformation,
)
from diffusers.pipelines.deprecated.alt_diffusion.pipeline_alt_diffusion import AltDiffusionPipeline
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from golden import networks
from golden.common import scramble
from golden.families import EOS, make_tokenizer, write_index
from golden.samplers import make_scheduler

PROMPTS = ["A red apple, with a hat!", "an astronaut riding on the moon", "", "a 猫 in the water",
           "the quick brown fox jumps over the lazy dog " * 12, "two blue stars (and hearts)"]
NEGATIVES = [None, "", "green frog", "lazy dog!"]
SAMPLERS = ["euler", "euler_ancestral", "ddim", "lcm", "dpmpp_2m", "dpmpp_2m_karras", "tcd", "pndm"]
FORMATS = [torch.float32, torch.float16, torch.bfloat16]
MAX_LENGTH = 16


def clip(rng, tokenizer, kind, true_size, **fixed):
    if true_size:
        known = {"one": networks.CLIP_L, "two": networks.CLIP_BIG_G}[true_size]
        return CLIPTextConfig(**known, eos_token_id=2)
    heads = rng.choice([1, 2, 3])
    return CLIPTextConfig(**dict(
        vocab_size=len(tokenizer), hidden_size=heads * rng.choice([6, 8, 20]),
        intermediate_size=rng.choice([24, 52]), projection_dim=rng.choice([12, 20]),
        num_hidden_layers=rng.choice([2, 3, 5]), num_attention_heads=heads, eos_token_id=2,
        max_position_embeddings=MAX_LENGTH, hidden_act=rng.choice(["quick_gelu", "gelu"])) | fixed)


def unet(rng, text_features, true_size, **fixed):
    """Any mixture of blocks; the projections of SD 1 and of SD 2; heads for all or level by level."""
    if true_size:
        return UNet2DConditionModel(**true_size | fixed)
    levels = rng.choice([2, 3, 4])
    heads = [rng.choice([1, 2, 4]) for _ in range(levels)]
    attends = [rng.random() < 0.6 for _ in range(levels)]
    layers = rng.choice([1, 2])
    config = dict(
        sample_size=8, layers_per_block=layers, norm_num_groups=rng.choice([2, 4]),
        block_out_channels=tuple(8 * rng.choice([1, 2, 3, 5]) for _ in range(levels)),
        cross_attention_dim=text_features,
        attention_head_dim=rng.choice([2, heads]),
        transformer_layers_per_block=rng.choice([1, [rng.choice([1, 2]) for _ in range(levels)]]),
        use_linear_projection=rng.random() < 0.5, upcast_attention=rng.random() < 0.2,
        flip_sin_to_cos=rng.random() < 0.8, freq_shift=rng.choice([0, 0, 1]),
        down_block_types=tuple("CrossAttnDownBlock2D" if a else "DownBlock2D" for a in attends),
        up_block_types=tuple("CrossAttnUpBlock2D" if a else "UpBlock2D" for a in attends[::-1]))
    return UNet2DConditionModel(**config | fixed)


def autoencoder(rng, true_size):
    if true_size:
        return AutoencoderKL(**networks.VAE)
    if rng.random() < 0.25:
        width = rng.choice([4, 8, 12])
        return AutoencoderTiny(
            encoder_block_out_channels=(width,) * 4, decoder_block_out_channels=(width,) * 4,
            num_encoder_blocks=(1,) * 4,
            num_decoder_blocks=tuple(rng.choice([1, 2]) for _ in range(4)))
    quant = rng.random() < 0.7
    return AutoencoderKL(
        block_out_channels=tuple(4 * rng.choice([1, 2, 3]) for _ in range(4)),
        layers_per_block=rng.choice([1, 2]), norm_num_groups=rng.choice([2, 4]), sample_size=64,
        mid_block_add_attention=rng.random() < 0.7, use_quant_conv=quant, use_post_quant_conv=quant,
        scaling_factor=rng.choice([0.18215, 0.13025, 1.0]),
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4)


def scheduler(rng, names):
    name = rng.choice(names)
    changes = {}
    if name not in ("lcm", "tcd", "dpmpp_2m_karras"):
        changes["timestep_spacing"] = rng.choice(["leading", "trailing", "linspace"])
    if rng.random() < 0.4:
        changes["prediction_type"] = "v_prediction"
    if name in ("ddim", "pndm"):
        changes["set_alpha_to_one"] = rng.random() < 0.5
    return name, make_scheduler(name, **changes)


def stable_diffusion(rng, folder, size):
    tokenizer = make_tokenizer(folder / "tokenizer", EOS, 77 if size else MAX_LENGTH)
    text = clip(rng, tokenizer, CLIPTextModel, size and "one")
    parts = dict(text_encoder=CLIPTextModel(text),
                 unet=unet(rng, text.hidden_size, size and networks.SD_15),
                 vae=autoencoder(rng, size), tokenizer=tokenizer)
    return StableDiffusionPipeline, parts, SAMPLERS


def latent_consistency(rng, folder, size):
    _, parts, _ = stable_diffusion(rng, folder, size)
    parts["unet"] = UNet2DConditionModel.from_config(
        parts["unet"].config, time_cond_proj_dim=256 if size else rng.choice([8, 16]))
    return LatentConsistencyModelPipeline, parts, ["lcm"]


def stable_diffusion_xl(rng, folder, size):
    tokenizer = make_tokenizer(folder / "tokenizer", EOS, 77 if size else MAX_LENGTH)
    tokenizer_2 = make_tokenizer(folder / "tokenizer_2", "!", 77 if size else MAX_LENGTH)
    text = clip(rng, tokenizer, CLIPTextModel, size and "one")
    text_2 = clip(rng, tokenizer_2, CLIPTextModelWithProjection, size and "two", hidden_act="gelu")
    sizes = {} if size else dict(
        addition_embed_type="text_time", addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=6 * 8 + text_2.projection_dim)
    parts = dict(text_encoder=CLIPTextModel(text),
                 text_encoder_2=CLIPTextModelWithProjection(text_2),
                 unet=unet(rng, text.hidden_size + text_2.hidden_size, size and networks.SDXL,
                           **sizes),
                 vae=autoencoder(rng, size), tokenizer=tokenizer, tokenizer_2=tokenizer_2)
    return StableDiffusionXLPipeline, parts, SAMPLERS


def alt_diffusion(rng, folder, size):
    import make_golden

    tokenizer = make_golden.make_tokenizer(folder / "tokenizer")
    heads = rng.choice([1, 2, 4])
    drawn = dict(
        vocab_size=len(tokenizer), hidden_size=heads * rng.choice([8, 12]),
        num_hidden_layers=rng.choice([2, 4]), num_attention_heads=heads,
        intermediate_size=rng.choice([40, 48]), type_vocab_size=1, layer_norm_eps=1e-5,
        max_position_embeddings=make_golden.MAX_LENGTH + 2, project_dim=rng.choice([16, 24]))
    text = RobertaSeriesConfig(**(networks.XLM_R if size else drawn),
                               has_pre_transformation=rng.random() < 0.5)
    parts = dict(text_encoder=RobertaSeriesModelWithTransformation(text),
                 unet=unet(rng, text.project_dim, size and networks.SD_15),
                 vae=autoencoder(rng, size), tokenizer=tokenizer)
    return AltDiffusionPipeline, parts, SAMPLERS


FAMILIES = {"stable_diffusion": stable_diffusion, "stable_diffusion_xl": stable_diffusion_xl,
            "latent_consistency": latent_consistency, "alt_diffusion": alt_diffusion}


def options_of(pipeline):
    if pipeline is StableDiffusionXLPipeline:
        return {}, dict(add_watermarker=False)
    return (dict(safety_checker=[None, None], requires_safety_checker=False),
            dict(safety_checker=None, feature_extractor=None, requires_safety_checker=False))


def make(folder, family, rng, true_size=False):
    """A saved checkpoint as the reference's pipeline, and its description."""
    pipeline, parts, samplers = FAMILIES[family](rng, folder, true_size)
    stored = torch.float16 if true_size else rng.choice(FORMATS)
    for name, part in parts.items():
        if isinstance(part, torch.nn.Module):
            scramble(part, rng.randrange(1 << 31)).to(stored).save_pretrained(folder / name)
            part.float()
    sampler, parts["scheduler"] = scheduler(rng, samplers)
    parts["scheduler"].save_pretrained(folder / "scheduler")
    in_index, in_call = options_of(pipeline)
    write_index(folder, pipeline, parts, **in_index)
    text_encoder = parts["text_encoder"]
    if isinstance(text_encoder, CLIPTextModel) and not hasattr(text_encoder, "text_model"):
        # Where the reference looks for the last norm with clip_skip; not in this transformers.
        inner = types.SimpleNamespace(final_layer_norm=text_encoder.final_layer_norm)
        object.__setattr__(text_encoder, "text_model", inner)
    unet_config = parts["unet"].config
    about = (f"{sampler}, {parts['scheduler'].config.prediction_type}, "
             f"{str(stored).removeprefix('torch.')}, unet {list(unet_config.block_out_channels)}, "
             f"{type(parts['vae']).__name__}")
    return pipeline(**parts, **in_call), about


def picture(rng, family, side=None):
    """What to paint: sides of any multiple of 8, with and without guidance and a negative prompt."""
    width, height = (side, side) if side else (8 * rng.randint(5, 13), 8 * rng.randint(5, 13))
    case = dict(prompt=rng.choice(PROMPTS), seed=rng.randrange(1 << 33), width=width, height=height,
                steps=2 if side else rng.randint(1, 6), guidance=rng.choice([1.0, 3.0, 7.5]))
    negative = rng.choice(NEGATIVES)
    if negative is not None and family != "latent_consistency":
        case["negative"] = negative
    if family != "latent_consistency" and rng.random() < 0.5:
        case["rescale"] = 0.7
    # The smallest text encoder here has two layers, of which SDXL leaves out one in any case.
    if family in ("stable_diffusion", "latent_consistency") and rng.random() < 0.5:
        case["clip_skip"] = 1
    return case
