#!/usr/bin/env python3
"""Write the model folder from a training run: diffusers layout, fp16 weights, averaged where training averages.

    python export.py --data DATASET --run RUN_FOLDER --out MODEL_FOLDER
"""

import argparse
import json
import os
import shutil
from pathlib import Path

import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from safetensors.torch import save_file
from torch.nn import functional

import autoencoder
import corpus
import data
import decoder
import diffusion
import text_encoder
import tokenizer
from run_state import RunFolder

NAME = "bafa-emoji"
MODEL_INDEX = {
    "_class_name": "AltDiffusionPipeline",
    "_diffusers_version": "0.42.1",
    "feature_extractor": [None, None],
    "requires_safety_checker": False,
    "safety_checker": [None, None],
    "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
    "text_encoder": ["alt_diffusion", "RobertaSeriesModelWithTransformation"],
    "tokenizer": ["transformers", "XLMRobertaTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_weights(path, weights):
    save_file({name: value.half().contiguous() for name, value in weights.items() if value.is_floating_point()},
              path, metadata={"format": "pt"})


def export_module(module, weights, folder, file_name):
    """A diffusers module: its own config writer, and the given weights."""
    module.save_config(folder)
    write_weights(folder / file_name, weights)


def export_text_encoder(weights, folder):
    folder.mkdir()
    config = text_encoder.config().to_dict()
    kept = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act",
            "max_position_embeddings", "type_vocab_size", "layer_norm_eps", "hidden_dropout_prob",
            "attention_probs_dropout_prob", "bos_token_id", "pad_token_id", "eos_token_id", "initializer_range")
    write_json(folder / "config.json", {
        "architectures": ["RobertaSeriesModelWithTransformation"], "model_type": "xlm-roberta",
        **{key: config[key] for key in kept}, "position_embedding_type": "absolute",
        "project_dim": text_encoder.WIDTH, "use_attention_mask": True, "has_pre_transformation": False,
        "torch_dtype": "float16"})
    write_weights(folder / "model.safetensors", weights)


def export_tokenizer(run, folder):
    folder.mkdir()
    shutil.copyfile(run.file(tokenizer.MODEL_FILE), folder / tokenizer.MODEL_FILE)
    tokenizer.write_config(folder)


def preview_map(pictures, latents):
    """Least squares from a latent position to the mean colour (0 to 1) of the 8x8 pixels that it stands for."""
    rgb = torch.stack([functional.avg_pool2d(data.on_background(picture), 8) for picture in pictures[::4]]) / 2 + 0.5
    inputs = latents[:len(pictures):4].float().permute(0, 2, 3, 1).reshape(-1, 4)
    inputs = torch.cat([inputs, torch.ones(len(inputs), 1)], 1)
    solution = torch.linalg.lstsq(inputs, rgb.permute(0, 2, 3, 1).reshape(-1, 3)).solution
    rounded = [[round(value, 5) for value in row] for row in solution.tolist()]
    return {"latent_to_rgb": rounded[:4], "bias": rounded[4]}


def export(run, pictures, out):
    """Written beside the target and renamed, so that a reader never meets half a model."""
    partial = out.with_name(out.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    state = run.load(diffusion.CHECKPOINT)
    export_module(diffusion.build(), state["unet_average"], partial / "unet", "diffusion_pytorch_model.safetensors")
    export_module(autoencoder.build(), run.load(decoder.WEIGHTS), partial / "vae",
                  "diffusion_pytorch_model.safetensors")
    export_text_encoder(state["text_average"], partial / "text_encoder")
    export_tokenizer(run, partial / "tokenizer")
    FlowMatchEulerDiscreteScheduler(shift=1.0).save_config(partial / "scheduler")
    write_json(partial / "model_index.json", MODEL_INDEX)
    write_json(partial / "model.json", {
        "name": NAME,
        "defaults": {"steps": diffusion.SAMPLER_STEPS, "guidance_scale": 1.0, "width": data.SIZE, "height": data.SIZE},
        "preview": preview_map(pictures, run.load(corpus.LATENTS)["latents"])})
    if out.exists():
        old = out.with_name(out.name + ".old")
        shutil.rmtree(old, ignore_errors=True)
        os.rename(out, old)
        os.rename(partial, out)
        shutil.rmtree(old)
    else:
        os.rename(partial, out)
    return state["step"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--run", required=True)
    parser.add_argument("--out", required=True, type=Path)
    arguments = parser.parse_args()
    run = RunFolder(arguments.run)
    pictures = data.load_pictures(arguments.data, data.load_records(arguments.data), run)
    step = export(run, pictures, arguments.out)
    size = sum(file.stat().st_size for file in arguments.out.rglob("*") if file.is_file())
    print(f"{arguments.out}: step {step}, {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
