#!/usr/bin/env python3
"""bafa against the same weights in diffusers (bf16, eager), in turns, on this machine.

    python tests/bench/compare.py [--model models/bafa-emoji] [--bafa build/release/bafa]

Each round runs `bafa bench` once, then the reference the same number of images, so that both see the
same machine; with each figure goes its ratio (reference / bafa: above 1 bafa is faster). The
reference is what a user of diffusers gets: tokenizer, text encoder, 8 steps of denoiser and sampler,
decoder, post-processing, all with `torch_dtype=bfloat16`, latents in fp32 as in bafa. Neither side
caches prompts, and neither writes a file; bafa's PNG is left out of its total.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, default=pathlib.Path("models/bafa-emoji"))
    parser.add_argument("--bafa", type=pathlib.Path, default=pathlib.Path("build/release/bafa"))
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--dtype", choices=["bf16", "fp32"], default="bf16")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=5, help="timed batches a round, after a warm-up")
    parser.add_argument("--channels-last", action="store_true", help="the reference in channels_last")
    parser.add_argument("--json", action="store_true", help="one line of JSON instead of a table")
    return parser.parse_args()


args = arguments()

import numpy as np  # noqa: E402
import torch  # noqa: E402
from diffusers import (  # noqa: E402
    AutoencoderKL,
    FlowMatchEulerDiscreteScheduler,
    UNet2DConditionModel,
    ZImagePipeline,
)
from diffusers.pipelines.deprecated.alt_diffusion.modeling_roberta_series import (  # noqa: E402
    RobertaSeriesModelWithTransformation,
)
from transformers import XLMRobertaTokenizer  # noqa: E402

PROMPT = "a red apple"
STAGES = ("encode_ms", "forward_ms", "decode_ms", "total_ms")


class Reference:
    def __init__(self):
        kind = {"torch_dtype": torch.bfloat16 if args.dtype == "bf16" else torch.float32}
        self.dtype = kind["torch_dtype"]
        self.tokenizer = XLMRobertaTokenizer.from_pretrained(args.model / "tokenizer")
        self.text_encoder = RobertaSeriesModelWithTransformation.from_pretrained(
            args.model / "text_encoder", **kind).eval()
        self.unet = UNet2DConditionModel.from_pretrained(args.model / "unet", **kind).eval()
        self.vae = AutoencoderKL.from_pretrained(args.model / "vae", **kind).eval()
        self.scheduler = FlowMatchEulerDiscreteScheduler.from_pretrained(args.model / "scheduler")
        if args.channels_last:
            self.unet.to(memory_format=torch.channels_last)
            self.vae.to(memory_format=torch.channels_last)

    def paint(self, seed):
        """One batch; what each stage took in ms, with every single forward."""
        start = time.perf_counter()
        tokens = self.tokenizer([PROMPT] * args.batch, padding="max_length", truncation=True,
                                max_length=self.tokenizer.model_max_length, return_tensors="pt")
        embeds = self.text_encoder(tokens.input_ids,
                                   attention_mask=tokens.attention_mask)["projection_state"]
        generator = torch.Generator("cpu").manual_seed(seed)
        side = args.size // 8
        latents = torch.randn((args.batch, self.unet.config.in_channels, side, side),
                              generator=generator)
        self.scheduler.set_timesteps(sigmas=np.linspace(1.0, 1 / args.steps, args.steps))
        encoded = time.perf_counter()
        forwards = []
        for t in self.scheduler.timesteps:
            before = time.perf_counter()
            prediction = self.unet(latents.to(self.dtype), t, embeds).sample.float()
            latents = self.scheduler.step(prediction, t, latents).prev_sample
            forwards.append((time.perf_counter() - before) * 1e3)
        denoised = time.perf_counter()
        decoded = self.vae.decode(latents.to(self.dtype) / self.vae.config.scaling_factor).sample
        pixels = (decoded / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).float().mul(255).round()
        pixels.to(torch.uint8)
        end = time.perf_counter()
        return {"encode_ms": (encoded - start) * 1e3, "forwards": forwards,
                "decode_ms": (end - denoised) * 1e3, "total_ms": (end - start) * 1e3}


class ZImageReference:
    """The pipeline class itself, with a clock round each of its parts."""

    def __init__(self):
        dtype = torch.bfloat16 if args.dtype == "bf16" else torch.float32
        self.pipeline = ZImagePipeline.from_pretrained(args.model, torch_dtype=dtype)
        self.pipeline.set_progress_bar_config(disable=True)
        if args.channels_last:
            self.pipeline.vae.to(memory_format=torch.channels_last)
        self.spans = {}
        self.watch(self.pipeline, "encode_prompt")
        self.watch(self.pipeline.transformer, "forward")
        self.watch(self.pipeline.vae, "decode")

    def watch(self, owner, name):
        inner = getattr(owner, name)

        def timed(*positional, **named):
            start = time.perf_counter()
            output = inner(*positional, **named)
            self.spans.setdefault(name, []).append((time.perf_counter() - start) * 1e3)
            return output

        setattr(owner, name, timed)

    def paint(self, seed):
        self.spans.clear()
        start = time.perf_counter()
        self.pipeline([PROMPT] * args.batch, height=args.size, width=args.size,
                      num_inference_steps=args.steps, guidance_scale=0.0, output_type="np",
                      generator=torch.Generator("cpu").manual_seed(seed))
        return {"encode_ms": sum(self.spans["encode_prompt"]), "forwards": self.spans["forward"],
                "decode_ms": sum(self.spans["decode"]),
                "total_ms": (time.perf_counter() - start) * 1e3}


def reference_of_model():
    index = json.loads((args.model / "model_index.json").read_text(encoding="utf-8"))
    return ZImageReference() if index["_class_name"] == "ZImagePipeline" else Reference()


def bafa_round():
    command = [args.bafa, "bench", "--model", args.model, "--size", f"{args.size}x{args.size}",
               "--steps", args.steps, "--batch", args.batch, "--threads", args.threads,
               "--dtype", args.dtype, "--repeat", args.images, "--json"]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"bafa bench failed ({done.returncode}):\n{done.stderr}")
    report = json.loads(done.stdout)
    report["total_ms"] -= report.get("png_ms") or 0
    return report


def reference_round(reference):
    reference.paint(0)
    runs = [reference.paint(seed) for seed in range(args.images)]
    report = {stage: statistics.median(run[stage] for run in runs)
              for stage in STAGES if stage != "forward_ms"}
    report["forward_ms"] = statistics.median(ms for run in runs for ms in run["forwards"])
    return report


def main():
    torch.set_num_threads(args.threads)
    torch.set_grad_enabled(False)
    reference = reference_of_model()
    pairs = [(bafa_round(), reference_round(reference)) for _ in range(args.rounds)]
    rows = {}
    for stage in STAGES:
        ratios = [theirs[stage] / ours[stage] for ours, theirs in pairs if ours.get(stage)]
        rows[stage] = {"bafa": statistics.median(ours[stage] for ours, _ in pairs),
                       "diffusers": statistics.median(theirs[stage] for _, theirs in pairs),
                       "ratio": statistics.median(ratios) if ratios else None}
    result = {"model": str(args.model), "size": args.size, "steps": args.steps,
              "batch": args.batch, "dtype": args.dtype, "threads": args.threads,
              "rounds": args.rounds, "torch": torch.__version__,
              "load_average": os.getloadavg()[0], **rows}
    if args.json:
        print(json.dumps(result))
        return
    print(f"{args.size}x{args.size}, {args.steps} steps, batch {args.batch}, {args.dtype}, "
          f"{args.threads} threads, {args.rounds} rounds of {args.images}, "
          f"load average {result['load_average']:.1f}")
    print("| median of rounds | bafa ms | diffusers ms | ratio |\n|---|---|---|---|")
    for stage, row in rows.items():
        ratio = f"{row['ratio']:.2f}" if row["ratio"] else "-"
        print(f"| {stage[:-3]} | {row['bafa']:.1f} | {row['diffusers']:.1f} | {ratio} |")


main()
