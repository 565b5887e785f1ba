#!/usr/bin/env python3
"""Train the embedded model: every phase in order, each resumed where it was left.

    python train.py --data DATASET --run RUN_FOLDER

Kill it whenever you like; the same command goes on from the last checkpoint.
"""

import argparse
import os

import torch

import augment
import autoencoder
import corpus
import data
import decoder
import diffusion
import text_encoder
import tokenizer
from run_state import RunFolder, pick_device
from workers import Workers


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="data set folder with images/ and captions.jsonl")
    parser.add_argument("--run", required=True, help="folder for checkpoints, caches and the log")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="cores to use")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--autoencoder-steps", type=int, default=1900)
    parser.add_argument("--text-steps", type=int, default=300)
    parser.add_argument("--diffusion-steps", type=int, default=2650)
    parser.add_argument("--decoder-steps", type=int, default=450)
    parser.add_argument("--batch", type=int, default=32, help="batch of the diffusion phase")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    torch.set_num_threads(1)  # the workers share the cores, not OpenMP
    device = pick_device(arguments.device)
    run = RunFolder(arguments.run)
    records = data.load_records(arguments.data)
    pictures = data.load_pictures(arguments.data, records, run)

    palettes = corpus.load_palettes(run, pictures)
    variants = augment.plan(records, palettes, arguments.seed)
    tokenizer.train(run, records, variants, arguments.seed)
    workers = Workers(arguments.threads if device.type == "cpu" else 1)
    autoencoder.train(run, pictures, arguments.autoencoder_steps, device, arguments.seed, workers)

    encoded = corpus.encode_all(run, pictures, palettes, variants, device, workers)
    pieces = tokenizer.Tokenizer(run.file(tokenizer.MODEL_FILE))
    prompt_source = corpus.PromptSource(records, palettes, variants, pieces, tag_share=0.15)
    text_encoder.train(run, prompt_source, encoded["thumbnails"], arguments.text_steps, device,
                       arguments.seed, workers)
    latents = encoded["latents"]
    diffusion.Trainer(run, device, arguments.seed, arguments.batch, workers).train(
        prompt_source, latents, arguments.diffusion_steps)
    painted = decoder.paint(run, records, latents, pieces, device, workers)
    decoder.train(run, decoder.Source(pictures, palettes, variants, latents, painted), arguments.decoder_steps, device,
                  arguments.seed, workers)


if __name__ == "__main__":
    main()
