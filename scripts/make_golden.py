#!/usr/bin/env python3
"""Writes tests/golden/data: tiny random checkpoints and what the reference library makes of them.

Run it with the pinned packages (it checks them) when a fixture has to change:

    python scripts/make_golden.py [--out tests/golden/data]

Everything is seeded. Numbers made on one instruction set agree with another's to a tolerance, not to
the bit, so the C++ tests compare with stated tolerances; only token ids, noise and the sampler's
tables are compared exactly.
"""
import argparse
import io
import json
import pathlib
import shutil
import sys
from importlib import metadata

PINS = {
    "torch": "2.11.0",
    "diffusers": "0.42.1",
    "transformers": "5.23.0",
    "tokenizers": "0.23.3",
    "sentencepiece": "0.2.3",
    "protobuf": "7.36.2",
    "safetensors": None,
}


def check_pins():
    wrong = []
    for package, pinned in PINS.items():
        try:
            found = metadata.version(package).split("+")[0]
        except metadata.PackageNotFoundError:
            found = "none"
        if found == "none" or (pinned and found != pinned):
            wrong.append(f"{package} {pinned or ''} (found {found})")
    if wrong:
        sys.exit("make_golden.py needs: " + ", ".join(wrong))


check_pins()

import numpy as np  # noqa: E402
import sentencepiece  # noqa: E402
import torch  # noqa: E402
from diffusers import (  # noqa: E402
    AutoencoderKL,
    FlowMatchEulerDiscreteScheduler,
    UNet2DConditionModel,
)
from diffusers.image_processor import VaeImageProcessor  # noqa: E402
from diffusers.pipelines.deprecated.alt_diffusion.modeling_roberta_series import (  # noqa: E402
    RobertaSeriesConfig,
    RobertaSeriesModelWithTransformation,
)
from transformers import XLMRobertaTokenizer  # noqa: E402

from golden import families, networks, samplers, z_image  # noqa: E402
from golden.clip_tokenizer import make_clip_tokenizers  # noqa: E402
from golden.common import save, scramble, write_json  # noqa: E402
from golden.qwen2_tokenizer import make_qwen2_tokenizers  # noqa: E402

MAX_LENGTH = 24
CROSS_DIM = 24

TRAINING_TEXT = """a red apple
a cat with a hat
a green frog in the water
the quick brown fox jumps over the lazy dog
two red hearts and three blue stars
an astronaut riding a purple horse on the moon
一只戴帽子的猫
一个红色的苹果
绿色的青蛙在水里
两颗红心和三颗蓝色的星星
宇航员在月球上骑着紫色的马
一幅山水画，有云和鸟""".splitlines()

PROMPTS = {
    "en": "a red apple",
    "zh": "一只戴帽子的猫",
    "mixed": "a green 青蛙 in the 水里, two 红心",
    "empty": "",
    "over_long": "the quick brown fox jumps over the lazy dog and " * 8,
}

# Each must give the reference's ids, whatever it holds.
ODD_PROMPTS = [
    *PROMPTS.values(),
    " ", "   a   cat  ", "\ta\ncat\r\n", "a\u0085cat", "a\u00a0cat", "一\u3000只", "a\u2003b\u2028c",
    "\u200ba\u200bcat\ufeff", "<s>", "</s>", "<mask>", "<pad>", "<unk>", "a <mask> cat",
    "a<mask>cat", "  <mask>  cat", "<mask><mask>", "<s>a red apple</s>", "a</s> b", "<S> <MASK>",
    "< s >", "<s", "<<s>>", "x<pad>y <unk>", "<s>" * 40, "▁", "▁a ▁▁cat", "a▁cat", "Ａ１ ｃａｔ", "①②③", "ﬁne", "é",
    "e\u0301", "ñandú", "ÅÅ", "½ cup", "🍎", "👩‍🚀 rides", "🇨🇳", "👍🏽", "שלום", "مرحبا cat", "\u202ecat\u202c",
    "नमस्ते", "สวัสดี", "한국어", "ｶﾀｶﾅ", "カタカナ", "\x00cat", "\x01\x02a", "\x7f", "a\x0bb", "a\x1fb", "\ufffd", "\U0010ffff", "\ue000",
    "!?.,;:", "...", "……", "，。！？", "a--b", "<|im_end|>", "<|endoftext|>", "[MASK]", "http://x.y/?a=b&c=d",
    "UPPER lower", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "猫" * 60, "a" * 500, "zzz qqq", "\u00ad", "a\u00adb",
    "\u2160\u2167", "㎏", "㍿", "ﷺ", "\u1680a", "a\u180eb", "\u2060a",
]

# Where the reference's normaliser works by grapheme and the sentencepiece library by longest match, the
# ids may differ. Kept apart, with both, so that it shows which of them bafa follows: the reference.
COMBINING_PROMPTS = ["ｅ\u0301", "e\u0301\u0302\u0303", "\u1112\u1161\u11ab", "q\u0307\u0323"]


def make_tokenizer(folder):
    folder.mkdir(parents=True)
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TRAINING_TEXT * 20), model_writer=model, vocab_size=200,
        hard_vocab_limit=False, model_type="unigram", character_coverage=1.0,
        unk_id=0, bos_id=1, eos_id=2, pad_id=-1, num_threads=1, minloglevel=2)
    (folder / "sentencepiece.bpe.model").write_bytes(model.getvalue())
    write_json(folder / "tokenizer_config.json",
               {"tokenizer_class": "XLMRobertaTokenizer", "model_max_length": MAX_LENGTH})
    return XLMRobertaTokenizer.from_pretrained(folder)


def encode(tokenizer, text):
    return tokenizer(text, truncation=True, max_length=MAX_LENGTH).input_ids


def make_token_table(tokenizer, folder):
    pieces = sentencepiece.SentencePieceProcessor(
        model_file=str(folder / "tokenizer" / "sentencepiece.bpe.model"))
    exact = [{"text": text, "ids": encode(tokenizer, text),
              "truncated": len(tokenizer(text).input_ids) > MAX_LENGTH} for text in ODD_PROMPTS]
    combining = [{"text": text, "reference_ids": encode(tokenizer, text),
                  "ids": [0, *[i + 1 if i else 3 for i in pieces.encode(text)], 2]}
                 for text in COMBINING_PROMPTS]
    return {"exact": exact, "combining": combining}


def make_text_encoder(vocabulary, seed, has_pre_transformation):
    config = RobertaSeriesConfig(
        vocab_size=vocabulary, hidden_size=32, num_hidden_layers=3, num_attention_heads=4,
        intermediate_size=48, hidden_act="gelu", max_position_embeddings=MAX_LENGTH + 2,
        type_vocab_size=1, layer_norm_eps=1e-5, project_dim=CROSS_DIM,
        has_pre_transformation=has_pre_transformation)
    return scramble(RobertaSeriesModelWithTransformation(config), seed)


def make_unet(seed, **changes):
    config = dict(
        sample_size=8, in_channels=4, out_channels=4, block_out_channels=(8, 16, 24),
        layers_per_block=1, norm_num_groups=4, cross_attention_dim=CROSS_DIM,
        attention_head_dim=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"))
    return scramble(UNet2DConditionModel(**(config | changes)), seed)


def make_vae(seed, **changes):
    config = dict(
        in_channels=3, out_channels=3, latent_channels=4, block_out_channels=(4, 8, 8, 12),
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1, norm_num_groups=4, sample_size=64, scaling_factor=1.0,
        mid_block_add_attention=False, use_quant_conv=True, use_post_quant_conv=True)
    return scramble(AutoencoderKL(**(config | changes)), seed)


def make_checkpoint(folder):
    """The layout of the embedded model, in small: odd head counts, every block type it uses."""
    tokenizer = make_tokenizer(folder / "tokenizer")
    text_encoder = make_text_encoder(len(tokenizer), 1, has_pre_transformation=False)
    text_encoder.save_pretrained(folder / "text_encoder")
    make_unet(2).half().save_pretrained(folder / "unet")
    make_vae(3).save_pretrained(folder / "vae")
    scheduler = FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000, shift=3.0)
    scheduler.save_pretrained(folder / "scheduler")
    write_json(folder / "model_index.json", {
        "_class_name": "AltDiffusionPipeline",
        "_diffusers_version": PINS["diffusers"],
        "feature_extractor": [None, None],
        "requires_safety_checker": False,
        "safety_checker": [None, None],
        "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
        "text_encoder": ["alt_diffusion", "RobertaSeriesModelWithTransformation"],
        "tokenizer": ["transformers", "XLMRobertaTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    })
    write_json(folder / "model.json", {
        "name": "tiny-alt",
        "defaults": {"steps": 8, "guidance_scale": 0, "width": 64, "height": 64},
        "preview": {"latent_to_rgb": [[0.2, 0.1, 0.0], [0.0, 0.2, 0.1], [0.1, 0.0, 0.2],
                                      [0.1, -0.1, 0.1]],
                    "bias": [0.5, 0.45, 0.55]},
    })


class Reference:
    """The stages of the AltDiffusion pipeline, one by one, from the files just written."""

    def __init__(self, folder):
        kind = {"torch_dtype": torch.float32}
        self.tokenizer = XLMRobertaTokenizer.from_pretrained(folder / "tokenizer")
        self.text_encoder = RobertaSeriesModelWithTransformation.from_pretrained(
            folder / "text_encoder", **kind).eval()
        self.unet = UNet2DConditionModel.from_pretrained(folder / "unet", **kind).eval()
        self.vae = AutoencoderKL.from_pretrained(folder / "vae", **kind).eval()
        self.scheduler = FlowMatchEulerDiscreteScheduler.from_pretrained(folder / "scheduler")

    def tokens(self, prompt):
        return self.tokenizer(prompt, padding="max_length", truncation=True,
                              max_length=MAX_LENGTH, return_tensors="pt")

    def embeds(self, prompt):
        tokens = self.tokens(prompt)
        return self.text_encoder(tokens.input_ids,
                                 attention_mask=tokens.attention_mask)["projection_state"]

    def image(self, prompt, seed, width, height, steps, guidance=0.0, negative=None):
        out = {"token_ids": self.tokens(prompt).input_ids[0]}
        embeds = self.embeds(prompt)
        out["prompt_embeds"] = embeds[0]
        guided = guidance > 1
        if guided:
            out["negative_token_ids"] = self.tokens(negative).input_ids[0]
            out["negative_prompt_embeds"] = self.embeds(negative)[0]
            embeds = torch.cat([self.embeds(negative), embeds])
        generator = torch.Generator("cpu").manual_seed(seed)
        latents = torch.randn((1, 4, height // 8, width // 8), generator=generator)
        out["noise"] = latents[0]
        self.scheduler.set_timesteps(sigmas=np.linspace(1.0, 1 / steps, steps))
        out["timesteps"], out["sigmas"] = self.scheduler.timesteps, self.scheduler.sigmas
        for k, t in enumerate(self.scheduler.timesteps, 1):
            prediction = self.unet(torch.cat([latents] * 2) if guided else latents, t, embeds).sample
            if guided:
                without, with_text = prediction.chunk(2)
                prediction = without + guidance * (with_text - without)
            latents = self.scheduler.step(prediction, t, latents).prev_sample
            out[f"prediction.{k}"], out[f"latents.{k}"] = prediction[0], latents[0]
        decoded = self.vae.decode(latents / self.vae.config.scaling_factor).sample
        out["decoded"] = decoded[0] / 2 + 0.5
        pixels = VaeImageProcessor().postprocess(decoded, output_type="np")
        out["pixels"] = torch.from_numpy((pixels[0] * 255).round().astype("uint8"))
        return out


def make_images(reference, out):
    cases = {
        "square": dict(prompt=PROMPTS["en"], seed=42, width=64, height=64, steps=8),
        "odd_size": dict(prompt=PROMPTS["zh"], seed=2**32 + 7, width=88, height=72, steps=3),
        "guided": dict(prompt=PROMPTS["mixed"], seed=7, width=64, height=48, steps=4, guidance=3.5,
                       negative="绿色的 frog"),
    }
    for name, case in cases.items():
        save(out / f"image_{name}.safetensors", reference.image(**case), **case)


def make_stages(reference, out):
    embeds = {f"token_ids.{name}": reference.tokens(text).input_ids[0]
              for name, text in PROMPTS.items()}
    embeds |= {f"embeds.{name}": reference.embeds(text)[0] for name, text in PROMPTS.items()}
    save(out / "embeds.safetensors", embeds)

    tables = {}
    for shift in (1.0, 3.0):
        scheduler = FlowMatchEulerDiscreteScheduler(shift=shift)
        for steps in (1, 2, 3, 4, 7, 8, 13, 28, 50):
            scheduler.set_timesteps(sigmas=np.linspace(1.0, 1 / steps, steps))
            tables[f"timesteps.{shift:.0f}.{steps}"] = scheduler.timesteps
            tables[f"sigmas.{shift:.0f}.{steps}"] = scheduler.sigmas
    scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0)
    scheduler.set_timesteps(sigmas=np.linspace(1.0, 1 / 8, 8))
    generator = torch.Generator().manual_seed(5)
    latents = torch.randn((1, 4, 3, 5), generator=generator)
    tables["step.latents.0"] = latents
    for k, t in enumerate(scheduler.timesteps, 1):
        prediction = torch.randn((1, 4, 3, 5), generator=generator)
        latents = scheduler.step(prediction, t, latents).prev_sample
        tables[f"step.prediction.{k}"], tables[f"step.latents.{k}"] = prediction, latents
    save(out / "sampler.safetensors", tables)

    noise = {}
    for seed in (0, 1, 42, 2**32 - 1, 2**32, 2**32 + 42, 2**63 - 1):
        for shape in ((1, 4, 32, 32), (1, 4, 5, 7), (1, 4, 1, 3)):
            generator = torch.Generator("cpu").manual_seed(seed)
            key = f"{seed}.{shape[2]}x{shape[3]}"
            drawn = torch.randn(shape, generator=generator)
            noise[key] = drawn if shape[2] < 32 else drawn[:, :1]
    save(out / "noise.safetensors", noise)


def make_variants(out):
    """Networks with the options that the checkpoint above leaves out."""
    generator = torch.Generator().manual_seed(11)
    randn = lambda *shape: torch.randn(shape, generator=generator)  # noqa: E731
    unets = {
        "unet_linear": dict(use_linear_projection=True, layers_per_block=2,
                            block_out_channels=(4, 6, 8), norm_num_groups=2,
                            attention_head_dim=(2, 3, 4),
                            transformer_layers_per_block=(1, 1, 2)),
        "unet_no_mid": dict(mid_block_type=None, block_out_channels=(8, 16),
                            attention_head_dim=2, flip_sin_to_cos=False, freq_shift=1,
                            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
                            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D")),
    }
    for seed, (name, changes) in enumerate(unets.items(), 20):
        unet = make_unet(seed, **changes)
        unet.save_pretrained(out / name)
        sample, text = randn(2, 4, 9, 11), randn(2, 5, CROSS_DIM)
        timesteps = torch.tensor([999.0, 123.456])
        save(out / name / "golden.safetensors",
             {"sample": sample, "text": text, "timesteps": timesteps,
              "prediction": unet(sample, timesteps, text).sample})

    vaes = {
        "vae_attention": dict(mid_block_add_attention=True, use_post_quant_conv=False,
                              use_quant_conv=False, latent_channels=6, layers_per_block=2,
                              scaling_factor=0.36, shift_factor=0.11),
    }
    for seed, (name, changes) in enumerate(vaes.items(), 30):
        vae = make_vae(seed, block_out_channels=(4, 8), down_block_types=("DownEncoderBlock2D",) * 2,
                       up_block_types=("UpDecoderBlock2D",) * 2, **changes)
        vae.save_pretrained(out / name)
        latents = randn(2, 6, 5, 7)
        save(out / name / "golden.safetensors",
             {"latents": latents, "decoded": vae.decode(latents / 0.36 + 0.11).sample})

    encoder = make_text_encoder(40, 40, has_pre_transformation=True)
    encoder.save_pretrained(out / "text_encoder_pre")
    ids = torch.tensor([[0, 7, 9, 1, 12, 2, 1, 1], [0, 39, 3, 5, 6, 8, 10, 2]])
    mask = torch.tensor([[1, 1, 1, 1, 1, 1, 0, 0], [1] * 8])
    save(out / "text_encoder_pre" / "golden.safetensors",
         {"token_ids": ids, "attention_mask": mask,
          "embeds": encoder(ids, attention_mask=mask)["projection_state"]})


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path,
                        default=pathlib.Path(__file__).parent.parent / "tests/golden/data")
    out = parser.parse_args().out
    torch.set_num_threads(1)
    torch.manual_seed(0)
    shutil.rmtree(out, ignore_errors=True)
    checkpoint = out / "alt_diffusion"
    make_checkpoint(checkpoint)
    reference = Reference(checkpoint)
    write_json(out / "tokens.json", make_token_table(reference.tokenizer, checkpoint))
    make_images(reference, out)
    make_stages(reference, out)
    make_variants(out)
    make_clip_tokenizers(out)
    make_qwen2_tokenizers(out)
    networks.make(out)
    families.make(out)
    z_image.make(out)
    samplers.make(reference, out / "samplers")
    print(sum(f.stat().st_size for f in out.rglob("*") if f.is_file()), "bytes in", out)


if __name__ == "__main__":
    main()
