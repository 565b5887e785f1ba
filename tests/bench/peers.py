"""The programs that compare.py runs beside bafa, one process for each run: they print a line of JSON.

    python tests/bench/peers.py diffusers|openvino MODEL [--channels-last] …

A pipeline that the reference has is run as its users run it, with no guidance; for the embedded
model, whose AltDiffusion parts are sampled by flow matching, it has none, so its loop is here.
"""
import argparse
import json
import os
import pathlib
import resource
import statistics
import time

BEGUN = time.perf_counter()
PROMPT = "a red apple"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("peer", choices=["diffusers", "openvino"])
    parser.add_argument("model", type=pathlib.Path)
    for name, default in (("size", 512), ("steps", 8), ("batch", 1), ("images", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--dtype", choices=["bf16", "fp32"], default="bf16")
    parser.add_argument("--channels-last", action="store_true")
    return parser.parse_args()


class Stages:
    """How long the calls of some methods took, in ms."""

    def __init__(self):
        self.ms = {"encode": [], "forward": [], "decode": []}

    def watch(self, owner, method, stage):
        inner = getattr(owner, method)

        def timed(*args, **kwargs):
            begun = time.perf_counter()
            result = inner(*args, **kwargs)
            self.ms[stage].append((time.perf_counter() - begun) * 1e3)
            return result

        setattr(owner, method, timed)


def flow_matching_painter(args, dtype, stages):
    import numpy as np
    import torch
    from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, UNet2DConditionModel
    from diffusers.pipelines.deprecated.alt_diffusion.modeling_roberta_series import (
        RobertaSeriesModelWithTransformation,
    )
    from transformers import XLMRobertaTokenizer

    tokenizer = XLMRobertaTokenizer.from_pretrained(args.model / "tokenizer")
    encoder = RobertaSeriesModelWithTransformation.from_pretrained(
        args.model / "text_encoder", torch_dtype=dtype).eval()
    unet = UNet2DConditionModel.from_pretrained(args.model / "unet", torch_dtype=dtype).eval()
    vae = AutoencoderKL.from_pretrained(args.model / "vae", torch_dtype=dtype).eval()
    scheduler = FlowMatchEulerDiscreteScheduler.from_pretrained(args.model / "scheduler")
    for owner, method, stage in ((encoder, "forward", "encode"), (unet, "forward", "forward"),
                                 (vae, "decode", "decode")):
        stages.watch(owner, method, stage)

    def paint(seed):
        tokens = tokenizer([PROMPT] * args.batch, padding="max_length", truncation=True,
                           max_length=tokenizer.model_max_length, return_tensors="pt")
        embeds = encoder(tokens.input_ids, attention_mask=tokens.attention_mask)["projection_state"]
        generator = torch.Generator("cpu").manual_seed(seed)
        shape = (args.batch, unet.config.in_channels, args.size // 8, args.size // 8)
        latents = torch.randn(shape, generator=generator)
        scheduler.set_timesteps(sigmas=np.linspace(1.0, 1 / args.steps, args.steps))
        for t in scheduler.timesteps:
            prediction = unet(latents.to(dtype), t, embeds).sample.float()
            latents = scheduler.step(prediction, t, latents).prev_sample
        decoded = vae.decode(latents.to(dtype) / vae.config.scaling_factor).sample
        pixels = (decoded / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).float().mul(255).round()
        return pixels.to(torch.uint8)

    return paint, unet, vae


def pipeline_painter(args, dtype, stages):
    import torch
    from diffusers import DiffusionPipeline

    pipeline = DiffusionPipeline.from_pretrained(args.model, torch_dtype=dtype)
    pipeline.set_progress_bar_config(disable=True)
    denoiser = getattr(pipeline, "unet", None) or pipeline.transformer
    for owner, method, stage in ((pipeline, "encode_prompt", "encode"),
                                 (denoiser, "forward", "forward"),
                                 (pipeline.vae, "decode", "decode")):
        stages.watch(owner, method, stage)

    def paint(seed):
        return pipeline([PROMPT] * args.batch, height=args.size, width=args.size,
                        num_inference_steps=args.steps, guidance_scale=0.0, output_type="np",
                        generator=torch.Generator("cpu").manual_seed(seed)).images

    return paint, denoiser, pipeline.vae


def diffusers_painter(args, stages):
    import torch

    torch.set_num_threads(args.threads)
    torch.set_grad_enabled(False)
    dtype = torch.bfloat16 if args.dtype == "bf16" else torch.float32
    index = json.loads((args.model / "model_index.json").read_text(encoding="utf-8"))
    flow = index["scheduler"][1].startswith("FlowMatch")
    alt = index["_class_name"] == "AltDiffusionPipeline"
    make = flow_matching_painter if flow and alt else pipeline_painter
    paint, denoiser, vae = make(args, dtype, stages)
    if args.channels_last:
        if "UNet" in type(denoiser).__name__:
            denoiser.to(memory_format=torch.channels_last)
        vae.to(memory_format=torch.channels_last)
    return paint


def openvino_painter(args, stages):
    """MODEL is an export: optimum-cli export openvino --task text-to-image --weight-format fp16"""
    import openvino_genai

    pipeline = openvino_genai.Text2ImagePipeline(str(args.model))
    pipeline.reshape(args.batch, args.size, args.size, 1.0)
    pipeline.compile("CPU", INFERENCE_NUM_THREADS=args.threads, PERFORMANCE_HINT="LATENCY",
                     NUM_STREAMS=1, INFERENCE_PRECISION_HINT="bf16" if args.dtype == "bf16" else "f32")

    def paint(seed):
        pipeline.generate(PROMPT, width=args.size, height=args.size, guidance_scale=1.0,
                          num_inference_steps=args.steps, rng_seed=seed,
                          num_images_per_prompt=args.batch)
        metrics = pipeline.get_performance_metrics()
        # In microseconds.
        stages.ms["forward"] += [d / 1e3 for d in metrics.raw_metrics.unet_inference_durations]
        stages.ms["decode"].append(metrics.get_vae_decoder_infer_duration())
        stages.ms["encode"].append(sum(metrics.get_text_encoder_infer_duration().values()))

    return paint


def main():
    args = arguments()
    stages = Stages()
    make = {"diffusers": diffusers_painter, "openvino": openvino_painter}[args.peer]
    before_load = time.perf_counter()
    paint = make(args, stages)
    loaded = time.perf_counter()
    paint(0)
    first_image = time.perf_counter()
    for times in stages.ms.values():
        times.clear()
    totals = []
    for seed in range(args.images):
        begun = time.perf_counter()
        paint(seed)
        totals.append((time.perf_counter() - begun) * 1e3)
    report = {f"{stage}_ms": statistics.median(times) for stage, times in stages.ms.items()}
    print(json.dumps(report | {
        "total_ms": statistics.median(totals), "load_ms": (loaded - before_load) * 1e3,
        # From the start of the process, with what it imports.
        "first_image_ms": (first_image - BEGUN) * 1e3,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


main()
