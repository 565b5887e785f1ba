#!/usr/bin/env python3
"""Paint one picture with the reference classes: the yardstick that other implementations are compared with.

    python sample.py --model MODEL_FOLDER --prompt "a red apple" --seed 7 -o apple.png
"""

import argparse
import json
import time
from pathlib import Path

import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, UNet2DConditionModel
from PIL import Image
from safetensors.torch import load_file
from torch import nn
from transformers import XLMRobertaConfig, XLMRobertaModel, XLMRobertaTokenizer

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


class TextEncoder(nn.Module):
    """What RobertaSeriesModelWithTransformation does without a pre-transformation; diffusers 0.42 lost the class."""

    def __init__(self, folder):
        super().__init__()
        config = json.loads((folder / "config.json").read_text())
        self.roberta = XLMRobertaModel(XLMRobertaConfig(**config), add_pooling_layer=False)
        self.transformation = nn.Linear(config["hidden_size"], config["project_dim"])
        self.load_state_dict(load_file(folder / "model.safetensors"), strict=True)

    def forward(self, ids, mask):
        return self.transformation(self.roberta(input_ids=ids, attention_mask=mask).last_hidden_state)


class Pipeline:
    """The model folder's components, each loaded by its own reference class."""

    def __init__(self, folder, dtype=torch.float32, device="cpu"):
        folder = Path(folder)
        self.device, self.dtype = torch.device(device), dtype
        self.tokenizer = XLMRobertaTokenizer.from_pretrained(folder / "tokenizer")
        self.text_encoder = TextEncoder(folder / "text_encoder").to(device, dtype).eval()
        self.unet = UNet2DConditionModel.from_pretrained(folder / "unet", torch_dtype=dtype).to(device).eval()
        self.vae = AutoencoderKL.from_pretrained(folder / "vae", torch_dtype=dtype).to(device).eval()
        self.scheduler = FlowMatchEulerDiscreteScheduler.from_pretrained(folder / "scheduler")

    @torch.inference_mode()
    def encode(self, prompts):
        tokens = self.tokenizer(prompts, padding="max_length", truncation=True, return_tensors="pt",
                                max_length=self.tokenizer.model_max_length).to(self.device)
        return self.text_encoder(tokens.input_ids, tokens.attention_mask)

    @torch.inference_mode()
    def latents(self, prompts, seeds, steps=8):
        hidden = self.encode(prompts)
        size = self.unet.config.sample_size
        noise = [torch.randn(1, 4, size, size, generator=torch.Generator("cpu").manual_seed(seed)) for seed in seeds]
        state = torch.cat(noise).to(self.device)
        scheduler = FlowMatchEulerDiscreteScheduler.from_config(self.scheduler.config)  # it counts the steps of one call
        scheduler.set_timesteps(sigmas=torch.linspace(1, 1 / steps, steps).tolist(), device=self.device)
        for timestep in scheduler.timesteps:
            velocity = self.unet(state.to(self.dtype), timestep, hidden).sample
            state = scheduler.step(velocity.float(), timestep, state).prev_sample
        return state

    @torch.inference_mode()
    def decode(self, latents):
        """RGB bytes [n, 3, h, w]."""
        pictures = self.vae.decode(latents.to(self.dtype) / self.vae.config.scaling_factor).sample.float()
        return ((pictures / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8).cpu()


def to_image(picture):
    return Image.fromarray(picture.permute(1, 2, 0).numpy())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--prompt", required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--dtype", choices=DTYPES, default="bf16")
    parser.add_argument("--repeat", type=int, default=1, help="paint so many times and print each time taken")
    parser.add_argument("-o", "--output", required=True)
    arguments = parser.parse_args()
    pipeline = Pipeline(arguments.model, DTYPES[arguments.dtype])
    for _ in range(arguments.repeat):
        started = time.perf_counter()
        pictures = pipeline.decode(pipeline.latents([arguments.prompt], [arguments.seed], arguments.steps))
        print(f"{(time.perf_counter() - started) * 1000:.0f} ms")
    to_image(pictures[0]).save(arguments.output)


if __name__ == "__main__":
    main()
