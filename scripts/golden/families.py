"""Checkpoints of the families of Stable Diffusion in small, and every stage of some pictures as the
reference's own pipeline classes paint them."""
import collections
import functools

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderTiny,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    LatentConsistencyModelPipeline,
    LCMScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
)

from golden.common import save, scramble, write_json

MAX_LENGTH = 16
WORDS = """a red apple cat with hat green frog in the water quick brown fox jumps over lazy dog two
hearts and three blue stars an astronaut riding purple horse on moon""".split()
BOS, EOS = "<|startoftext|>", "<|endoftext|>"


def byte_letters():
    """The letters that stand for the 256 bytes, in the order of CLIP's vocabulary."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + i) for i in range(len(others))]


def learn_merges(words, count):
    texts = [[*word[:-1], word[-1] + "</w>"] for word in words]
    merges = []
    while len(merges) < count:
        pairs = collections.Counter(pair for text in texts for pair in zip(text, text[1:]))
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        merges.append(best)
        for text in texts:
            for i in range(len(text) - 2, -1, -1):
                if tuple(text[i:i + 2]) == best:
                    text[i:i + 2] = ["".join(best)]
    return merges


def make_tokenizer(folder, pad_token, max_length=MAX_LENGTH):
    """CLIP's tokenizer as published: vocab.json, merges.txt and what goes with them."""
    folder.mkdir(parents=True)
    merges = learn_merges(WORDS, 60)
    letters = byte_letters()
    vocabulary = [*letters, *[letter + "</w>" for letter in letters],
                  *dict.fromkeys("".join(pair) for pair in merges), BOS, EOS]
    write_json(folder / "vocab.json", {text: i for i, text in enumerate(vocabulary)})
    (folder / "merges.txt").write_text(
        "#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges), encoding="utf-8")
    special = {name: {"content": text, "lstrip": False, "normalized": name != "unk_token",
                      "rstrip": False, "single_word": False}
               for name, text in (("bos_token", BOS), ("eos_token", EOS), ("unk_token", EOS))}
    write_json(folder / "special_tokens_map.json", special | {"pad_token": pad_token})
    added = {name: {"__type": "AddedToken", **token} for name, token in special.items()}
    write_json(folder / "tokenizer_config.json", {
        "add_prefix_space": False, **added, "do_lower_case": True, "errors": "replace",
        "model_max_length": max_length, "pad_token": pad_token,
        "tokenizer_class": "CLIPTokenizer"})
    return CLIPTokenizer.from_pretrained(folder)


def clip_config(tokenizer, **changes):
    return CLIPTextConfig(**dict(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=24, projection_dim=12,
        num_hidden_layers=3, num_attention_heads=2, max_position_embeddings=MAX_LENGTH,
        hidden_act="quick_gelu", eos_token_id=2) | changes)


def unet(seed, **changes):
    config = dict(
        sample_size=8, block_out_channels=(8, 12, 16), layers_per_block=1, norm_num_groups=4,
        cross_attention_dim=16, attention_head_dim=2,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"))
    return scramble(UNet2DConditionModel(**(config | changes)), seed)


def autoencoder(seed, **changes):
    config = dict(
        block_out_channels=(4, 4, 8, 8), layers_per_block=1, norm_num_groups=4, sample_size=64,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4)
    return scramble(AutoencoderKL(**(config | changes)), seed)


def write_index(folder, pipeline, components, **options):
    write_json(folder / "model_index.json", {
        "_class_name": pipeline.__name__, "_diffusers_version": "0.42.1",
        "feature_extractor": [None, None], "image_encoder": [None, None], **options, **{
            name: [module.__module__.split(".")[0], type(module).__name__]
            for name, module in components.items()}})


class Painter:
    """Runs a pipeline and keeps what its parts are given and give."""

    def __init__(self, pipeline):
        self.pipeline = pipeline
        pipeline.set_progress_bar_config(disable=True)
        self.step, self.decode = pipeline.scheduler.step, pipeline.vae.decode
        # Wrapped: the pipeline looks at the step's parameters before it hands on its generator.
        pipeline.scheduler.step = functools.wraps(self.step)(lambda *args, **kwargs:
                                                             self.watch_step(*args, **kwargs))
        pipeline.vae.decode = self.watch_decode
        pipeline.unet.register_forward_pre_hook(self.watch_unet)

    def watch_unet(self, module, args):
        self.out[f"denoiser_input.{self.count + 1}"] = args[0][-1].clone()

    def watch_step(self, prediction, *args, **kwargs):
        output = self.step(prediction, *args, **kwargs)
        self.count += 1
        self.out[f"prediction.{self.count}"] = prediction[0]
        self.out[f"latents.{self.count}"] = output[0][0]
        return output

    def watch_decode(self, *args, **kwargs):
        output = self.decode(*args, **kwargs)
        self.out["decoded"] = output[0][0] / 2 + 0.5
        return output

    def paint(self, case, noise=None):
        names = {"prompt": "prompt", "negative": "negative_prompt", "width": "width",
                 "height": "height", "steps": "num_inference_steps", "guidance": "guidance_scale",
                 "rescale": "guidance_rescale", "clip_skip": "clip_skip",
                 "normalization": "cfg_normalization", "truncation": "cfg_truncation"}
        arguments = {names[key]: value for key, value in case.items() if key in names}
        generator = torch.Generator("cpu").manual_seed(case["seed"])
        picture = self.pipeline(**arguments, generator=generator, latents=noise, output_type="np")
        return torch.from_numpy((picture.images[0] * 255).round().astype("uint8"))

    def tokens(self, tokenizer, text):
        return tokenizer(text, padding="max_length", truncation=True, return_tensors="pt",
                         max_length=tokenizer.model_max_length).input_ids[0]

    def texts(self, case):
        """What the encoders make of the prompts."""
        guided = self.pipeline.do_classifier_free_guidance
        options = dict(device="cpu", num_images_per_prompt=1, do_classifier_free_guidance=guided)
        if "negative" in case and guided:
            options["negative_prompt"] = case["negative"]
        if "clip_skip" in case:
            options["clip_skip"] = case["clip_skip"]
        embeds = self.pipeline.encode_prompt(case["prompt"], **options)
        names = ("prompt_embeds", "negative_prompt_embeds", "pooled_prompt_embeds",
                 "negative_pooled_prompt_embeds")
        out = {name: tensor[0] for name, tensor in zip(names, embeds) if tensor is not None}
        zeros = guided and "negative" not in case and len(embeds) == 4
        for suffix in ("", "_2"):
            if tokenizer := getattr(self.pipeline, f"tokenizer{suffix}", None):
                out[f"token_ids{suffix}"] = self.tokens(tokenizer, case["prompt"])
                if guided and not zeros:
                    out[f"negative_token_ids{suffix}"] = self.tokens(
                        tokenizer, case.get("negative", ""))
        return out

    def noise(self, case, dtype):
        scale = self.pipeline.vae_scale_factor
        shape = (1, 4, case["height"] // scale, case["width"] // scale)
        generator = torch.Generator("cpu").manual_seed(case["seed"])
        return torch.randn(shape, generator=generator, dtype=dtype)

    def image(self, case, with_bf16_noise):
        self.out, self.count = {}, 0
        self.out["pixels"] = self.paint(case)
        self.out |= self.texts(case)
        self.out["noise"] = self.noise(case, torch.float32)[0]
        self.out["timesteps"] = self.pipeline.scheduler.timesteps.float()
        rounded = self.noise(case, torch.bfloat16).float()
        out = self.out | {"noise.bf16": rounded[0]}
        if with_bf16_noise:
            self.out, self.count = {}, 0
            out["pixels.bf16_noise"] = self.paint(case, rounded)
        return out


def write_images(folder, pipeline, cases, with_bf16_noise=False):
    painter = Painter(pipeline)
    for name, case in cases.items():
        save(folder / "golden" / f"{name}.safetensors", painter.image(case, with_bf16_noise), **case)


def make_stable_diffusion(folder):
    """Version 1's layout: one encoder, projections by convolution, every old default."""
    tokenizer = make_tokenizer(folder / "tokenizer", EOS)
    parts = dict(
        text_encoder=scramble(CLIPTextModel(clip_config(tokenizer)), 80),
        unet=unet(81), vae=autoencoder(82),
        scheduler=EulerDiscreteScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1,
            timestep_spacing="leading"))
    for name, part in parts.items():
        part.save_pretrained(folder / name)
    parts |= dict(tokenizer=tokenizer)
    write_index(folder, StableDiffusionPipeline, parts, safety_checker=[None, None],
                requires_safety_checker=False)
    pipeline = StableDiffusionPipeline(**parts, safety_checker=None, feature_extractor=None,
                                       requires_safety_checker=False)
    write_images(folder, pipeline, {
        "guided": dict(prompt="A red apple, with a hat!", seed=42, width=64, height=64, steps=4,
                       guidance=7.5),
        "negative": dict(prompt="a cat", negative="green frog", seed=7, width=48, height=64,
                         steps=3, guidance=3.0),
        "odd_size": dict(prompt="the quick brown fox " * 8, seed=2**32 + 9, width=88, height=72,
                         steps=2, guidance=1.0),
    }, with_bf16_noise=True)


def make_stable_diffusion_xl(folder):
    """Two encoders, a U-Net in shards, an autoencoder in half precision, as SDXL-Turbo paints."""
    tokenizer = make_tokenizer(folder / "tokenizer", EOS)
    tokenizer_2 = make_tokenizer(folder / "tokenizer_2", "!")
    parts = dict(
        text_encoder=scramble(CLIPTextModel(clip_config(tokenizer)), 90),
        text_encoder_2=scramble(CLIPTextModelWithProjection(
            clip_config(tokenizer_2, hidden_size=20, hidden_act="gelu", projection_dim=20)), 91),
        unet=unet(92, use_linear_projection=True, cross_attention_dim=36,
                  transformer_layers_per_block=(1, 1, 2), attention_head_dim=(1, 2, 4),
                  addition_embed_type="text_time", addition_time_embed_dim=8,
                  projection_class_embeddings_input_dim=6 * 8 + 20,
                  down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
                  up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D")),
        vae=autoencoder(93, scaling_factor=0.13025),
        scheduler=EulerAncestralDiscreteScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
            timestep_spacing="trailing"))
    parts["unet"].half().save_pretrained(folder / "unet", max_shard_size="60KB")
    parts["vae"].half().save_pretrained(folder / "vae", variant="fp16")
    parts["text_encoder"].bfloat16().save_pretrained(folder / "text_encoder")
    parts["text_encoder_2"].save_pretrained(folder / "text_encoder_2")
    parts["scheduler"].save_pretrained(folder / "scheduler")
    for name in ("unet", "vae", "text_encoder"):
        parts[name].float()
    parts |= dict(tokenizer=tokenizer, tokenizer_2=tokenizer_2)
    write_index(folder, StableDiffusionXLPipeline, parts, force_zeros_for_empty_prompt=True)
    pipeline = StableDiffusionXLPipeline(**parts, add_watermarker=False)
    common = dict(prompt="two blue stars! and a 猫", width=64, height=64, steps=3, guidance=5.0)
    write_images(folder, pipeline, {
        "no_negative": dict(common, seed=1),
        "empty_negative": dict(common, seed=1, negative=""),
        "negative": dict(common, seed=2, negative="lazy dog!", height=48),
        "odd_size": dict(common, seed=3, guidance=0.0, width=88, height=72, steps=1),
    })


def make_latent_consistency(folder):
    """Guidance as an input of the U-Net, and the small autoencoder."""
    tokenizer = make_tokenizer(folder / "tokenizer", EOS)
    parts = dict(
        text_encoder=scramble(CLIPTextModel(clip_config(tokenizer)), 100),
        unet=unet(101, time_cond_proj_dim=16),
        vae=scramble(AutoencoderTiny(
            encoder_block_out_channels=(8,) * 4, decoder_block_out_channels=(8,) * 4,
            num_encoder_blocks=(1, 1, 1, 1), num_decoder_blocks=(1, 1, 1, 1)), 102),
        scheduler=LCMScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear"))
    for name, part in parts.items():
        part.save_pretrained(folder / name)
    parts |= dict(tokenizer=tokenizer)
    write_index(folder, LatentConsistencyModelPipeline, parts, safety_checker=[None, None],
                requires_safety_checker=False)
    pipeline = LatentConsistencyModelPipeline(**parts, safety_checker=None, feature_extractor=None,
                                              requires_safety_checker=False)
    write_images(folder, pipeline, {
        "guidance": dict(prompt="an astronaut on the moon", seed=5, width=64, height=64, steps=4,
                         guidance=8.5),
        "odd_size": dict(prompt="", seed=6, width=72, height=40, steps=2, guidance=1.3),
    })


def make(out):
    make_stable_diffusion(out / "stable_diffusion")
    make_stable_diffusion_xl(out / "stable_diffusion_xl")
    make_latent_consistency(out / "latent_consistency")
