#!/usr/bin/env python3
"""Measure a model folder on its own data set, and draw the sheets that people judge it by.

    python evaluate.py --data DATASET --model MODEL_FOLDER --out FOLDER [--pictures 400]

Writes figures.json, recall.webp (each row: the picture, then two seeds in English, two in Chinese) and
unseen.webp (combinations that were never rendered for training, in English above Chinese).
"""

import argparse
import json
import os
import random
from pathlib import Path

import torch
from PIL import Image
from torch.nn import functional

import augment
import captions
import data
from sample import DTYPES, Pipeline, to_image
from workers import Workers

SEEDS = (1, 2)
THUMBNAIL = 48
BATCH = 8
SHEET_ROWS = 24


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--pictures", type=int, default=400, help="how many are asked for by their labels")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--dtype", choices=DTYPES, default="bf16")
    parser.add_argument("--device", default="cpu")
    return parser.parse_args()


def paint(pipeline, workers, prompts, seeds):
    """RGB bytes [n, 3, 256, 256]."""
    def paint_some(start):
        chunk = slice(start, start + BATCH)
        return pipeline.decode(pipeline.latents(prompts[chunk], seeds[chunk]))

    return torch.cat(workers.map(paint_some, range(0, len(prompts), BATCH)))


def thumbnails(pictures):
    """Bytes [n, 3, h, w] to floats [n, 3 * 48 * 48]."""
    return torch.cat([functional.adaptive_avg_pool2d(chunk.float(), THUMBNAIL).flatten(1)
                      for chunk in pictures.split(64)])


def psnr(first, second):
    """Of each pair of pictures, in dB."""
    error = (first.float() - second.float()).square().mean((1, 2, 3))
    return 10 * torch.log10(255**2 / error.clamp(min=1e-3))


def autoencoder_psnr(pipeline, workers, targets):
    @torch.inference_mode()
    def measure(chunk):
        latents = pipeline.vae.encode((chunk.to(pipeline.device) / 127.5 - 1).to(pipeline.dtype)).latent_dist.mean
        return psnr(pipeline.decode(latents.float() * pipeline.vae.config.scaling_factor), chunk)

    return torch.cat(workers.map(measure, targets.split(BATCH)))


def recall(pipeline, workers, records, targets, chosen, language):
    """Pictures [len(chosen), seeds, 3, h, w] painted from labels, and what they were nearest to."""
    labels = [records[index].label[language] for index in chosen for _ in SEEDS]
    painted = paint(pipeline, workers, labels, list(SEEDS) * len(chosen))
    nearest = torch.cdist(thumbnails(painted), thumbnails(targets)).argmin(1).tolist()
    wanted = [index for index in chosen for _ in SEEDS]
    right = sum(found == index for found, index in zip(nearest, wanted)) / len(wanted)
    group = sum(records[found].group == records[index].group for found, index in zip(nearest, wanted)) / len(wanted)
    figures = {"picture_right": round(right, 4), "group_right": round(group, 4),
               "psnr_db": round(psnr(painted, targets[wanted]).mean().item(), 2)}
    return painted.unflatten(0, (len(chosen), len(SEEDS))), figures


def unseen_prompts(records):
    """One prompt in each language for every combination that training left out."""
    by_noun = {captions.nouns(record)["en"]: record for record in reversed(records)}

    def prompts(kind, noun, value):
        record = by_noun[noun]
        if kind == "colour":
            return captions.colour_prompts(record, value)
        if kind == "count":
            return captions.count_prompts(record, value)
        if kind == "background":
            return captions.background_prompts(record, value)
        if kind == "wear":
            return captions.wear_prompts(record, value)
        return captions.pair_prompts(record, by_noun[value])

    combinations = [prompts(*each) for each in sorted(augment.HELD_OUT, key=str)]
    return {language: [each[language][0] for each in combinations] for language in captions.LANGUAGES}


def sheet(rows, path, side=128):
    """A grid of pictures; `rows` are lists of RGB bytes [3, h, w]."""
    canvas = Image.new("RGB", (max(map(len, rows)) * side, len(rows) * side), "white")
    for y, row in enumerate(rows):
        for x, picture in enumerate(row):
            canvas.paste(to_image(picture).resize((side, side), Image.Resampling.LANCZOS), (x * side, y * side))
    canvas.save(path, quality=85)


def main():
    arguments = parse_arguments()
    torch.set_num_threads(1)
    workers = Workers(arguments.threads if arguments.device == "cpu" else 1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    records = data.load_records(arguments.data)
    targets = torch.stack([((data.on_background(picture) + 1) * 127.5).round().to(torch.uint8)
                           for picture in data.read_pictures(arguments.data, records)])
    pipeline = Pipeline(arguments.model, DTYPES[arguments.dtype], arguments.device)
    chosen = sorted(random.Random(7).sample(range(len(records)), arguments.pictures))
    figures = {"pictures": len(chosen), "seeds": len(SEEDS), "steps": 8, "dtype": arguments.dtype,
               "autoencoder_psnr_db": round(autoencoder_psnr(pipeline, workers, targets).mean().item(), 2)}
    painted = {}
    for language in captions.LANGUAGES:
        painted[language], figures[language] = recall(pipeline, workers, records, targets, chosen, language)
        print(language, figures[language], flush=True)
    (arguments.out / "figures.json").write_text(json.dumps(figures, indent=2) + "\n")
    spread = range(0, len(chosen), max(1, len(chosen) // SHEET_ROWS))
    sheet([[targets[chosen[row]], *painted["en"][row], *painted["zh"][row]] for row in spread][:SHEET_ROWS],
          arguments.out / "recall.webp")

    unseen = unseen_prompts(records)
    columns = 8
    pictures = {language: paint(pipeline, workers, prompts, [SEEDS[0]] * len(prompts))
                for language, prompts in unseen.items()}
    rows = [list(pictures[language][start:start + columns]) for start in range(0, len(unseen["en"]), columns)
            for language in captions.LANGUAGES]
    sheet(rows, arguments.out / "unseen.webp")
    (arguments.out / "unseen.json").write_text(json.dumps(unseen, indent=1, ensure_ascii=False) + "\n")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
