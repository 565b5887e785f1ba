"""A small checkpoint of Z-Image, and every stage of some pictures as the reference's own pipeline
class paints them.

Its time embedding is 1024 wide whatever the config says, too much to be kept beside the sources. So
no weights are written, but a list of names and shapes: a tensor's numbers are drawn from a generator
that its name seeds, here and in tests/support/seeded_model.h.
"""
import math

import torch
from diffusers import (
    AutoencoderKL,
    FlowMatchEulerDiscreteScheduler,
    ZImagePipeline,
    ZImageTransformer2DModel,
)
from transformers import Qwen2Tokenizer, Qwen3Config, Qwen3Model

from golden.common import save
from golden.families import Painter, write_index

CHANNELS = 8
TEXT = 24


def seed_of(name):
    """FNV-1a, 32 bits."""
    value = 0x811c9dc5
    for byte in name.encode():
        value = (value ^ byte) * 0x01000193 % 2**32
    return value


def numbers(name, shape):
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(seed_of(name)))
    if len(shape) > 1:
        fan_in = math.prod(shape[1:]) if "embed_tokens" not in name else 1
        return noise * fan_in**-0.5
    return 1 + 0.1 * noise if name.endswith("weight") else 0.1 * noise


def seed(model, folder, prefix=""):
    """Fills the model, writes its config and the list of its tensors."""
    lines = []
    for name, tensor in sorted(model.state_dict().items()):
        shape = tuple(tensor.shape)
        tensor.copy_(numbers(prefix + name, shape))
        lines.append(f"{prefix}{name} {'x'.join(map(str, shape))}\n")
    model.save_config(folder) if hasattr(model, "save_config") else model.config.save_pretrained(folder)
    (folder / "tensors.txt").write_text("".join(lines))
    return model.eval()


class ZImagePainter(Painter):
    """The transformer in the place of a U-Net, and what pipelines of flows do otherwise."""

    def __init__(self, pipeline):
        pipeline.unet = pipeline.transformer
        super().__init__(pipeline)

    def watch_unet(self, module, args):
        pass

    def tokens(self, tokenizer, text):
        message = [{"role": "user", "content": text}]
        text = tokenizer.apply_chat_template(message, tokenize=False, add_generation_prompt=True,
                                             enable_thinking=True)
        return tokenizer(text, padding="max_length", truncation=True, max_length=512,
                         return_tensors="pt").input_ids[0]

    def texts(self, case):
        names = {"": case["prompt"]}
        if case["guidance"] > 0:
            names["negative_"] = case.get("negative", "")
        out = {}
        for name, text in names.items():
            out[f"{name}token_ids"] = self.tokens(self.pipeline.tokenizer, text)
            out[f"{name}prompt_embeds"] = self.pipeline.encode_prompt(
                text, device="cpu", do_classifier_free_guidance=False)[0][0]
        return out

    def image(self, case, left_out=()):
        self.out, self.count = {}, 0
        self.out["pixels"] = self.paint(case)
        self.out |= self.texts(case)
        scheduler = self.pipeline.scheduler
        self.out |= {"timesteps": scheduler.timesteps, "sigmas": scheduler.sigmas}
        channels = self.pipeline.transformer.in_channels
        shape = (channels, case["height"] // 8, case["width"] // 8)
        generator = torch.Generator("cpu").manual_seed(case["seed"])
        self.out["noise"] = torch.randn((1, *shape), generator=generator)[0]
        return {name: tensor for name, tensor in self.out.items() if name not in left_out}


def transformer_case(transformer, shape, lengths, seed):
    """One batch: captions of these lengths, each as the list that the reference wants."""
    generator = torch.Generator().manual_seed(seed)
    randn = lambda *size: torch.randn(size, generator=generator)  # noqa: E731
    captions = [randn(length, TEXT) for length in lengths]
    latents, times = randn(len(lengths), CHANNELS, *shape), torch.linspace(0.1, 0.8, len(lengths))
    sample = transformer([each.unsqueeze(1) for each in latents], times, captions).sample
    out = {"latents": latents, "times": times, "prediction": torch.stack(sample).squeeze(2)}
    return out | {f"caption.{i}": each for i, each in enumerate(captions)}


def make(out):
    folder = out / "z_image"
    text_encoder = Qwen3Model(Qwen3Config(
        vocab_size=384, hidden_size=TEXT, intermediate_size=40, num_hidden_layers=3,
        num_attention_heads=4, num_key_value_heads=2, head_dim=8, rms_norm_eps=1e-6,
        max_position_embeddings=1024, rope_theta=1e6, tie_word_embeddings=True))
    transformer = ZImageTransformer2DModel(
        in_channels=CHANNELS, dim=32, n_layers=2, n_refiner_layers=1, n_heads=2, n_kv_heads=2,
        cap_feat_dim=TEXT, axes_dims=[8, 4, 4], axes_lens=[600, 40, 48])
    vae = AutoencoderKL(
        block_out_channels=(4, 4, 8, 8), layers_per_block=1, norm_num_groups=4,
        latent_channels=CHANNELS, scaling_factor=0.3611, shift_factor=0.1159,
        use_quant_conv=False, use_post_quant_conv=False, sample_size=64,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4)
    parts = dict(
        text_encoder=seed(text_encoder, folder / "text_encoder", "model."),
        transformer=seed(transformer, folder / "transformer"), vae=seed(vae, folder / "vae"),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=False),
        tokenizer=Qwen2Tokenizer.from_pretrained(folder / "tokenizer"))
    parts["scheduler"].save_pretrained(folder / "scheduler")
    write_index(folder, ZImagePipeline, parts)
    painter = ZImagePainter(ZImagePipeline(**parts))
    common = dict(width=32, height=32, guidance=0.0)
    cases = {
        "eight_steps": dict(common, prompt="a red 苹果, with a hat", seed=42, width=48, steps=8),
        "guided": dict(common, prompt="a cat", negative="a green frog in the water. " * 2, seed=7,
                       steps=6, guidance=2.5),
        "limited": dict(common, prompt="a cat", seed=8, steps=4, guidance=4.0, normalization=1.25,
                        truncation=0.3),
        "cut": dict(common, prompt="the quick brown fox " * 99, seed=3, height=48, steps=1),
    }
    for name, case in cases.items():
        left_out = () if name == "guided" else ("decoded",)
        left_out += ("prompt_embeds",) if name == "cut" else ()
        if name == "limited":
            left_out += ("token_ids", "negative_token_ids", "prompt_embeds",
                         "negative_prompt_embeds")
        save(folder / "golden" / f"{name}.safetensors", painter.image(case, left_out), **case)
    for name, case in {"two_lengths": ((6, 4), (5, 40), 1), "unpadded": ((8, 16), (32,), 2)}.items():
        save(folder / "golden" / f"transformer_{name}.safetensors",
             transformer_case(parts["transformer"], *case))
