"""The data set: transparent 256x256 pictures with an English and a Chinese label and tags."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy
import torch
from PIL import Image

SIZE = 256


@dataclass
class Record:
    file: str
    group: str
    label: dict  # language -> label
    tags: dict  # language -> list of tags


def load_records(folder):
    lines = (Path(folder) / "captions.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [Record(row["file"], row["group"],
                   {"en": row["en"], "zh": row["zh"]},
                   {"en": row["en_tags"], "zh": row["zh_tags"]}) for row in rows]


def read_pictures(folder, records):
    """RGBA bytes [n, 4, 256, 256]."""
    pictures = numpy.empty((len(records), 4, SIZE, SIZE), dtype=numpy.uint8)
    for index, record in enumerate(records):
        image = Image.open(Path(folder) / "images" / record.file).convert("RGBA")
        if image.size != (SIZE, SIZE):  # one file is 256x264
            image = image.resize((SIZE, SIZE), Image.Resampling.LANCZOS)
        pictures[index] = numpy.asarray(image).transpose(2, 0, 1)
    return torch.from_numpy(pictures)


def load_pictures(folder, records, run):
    """The same, decoded once, then memory-mapped from the run folder."""
    cache = run.file("pictures.npy")
    if not cache.exists():
        partial = run.file("pictures.partial.npy")
        numpy.save(partial, read_pictures(folder, records).numpy())
        partial.rename(cache)
    return torch.from_numpy(numpy.load(cache, mmap_mode="c"))


def on_background(rgba, background=(255, 255, 255)):
    """RGBA bytes [..., 4, h, w] to RGB in [-1, 1] over a plain background."""
    rgba = rgba.float()
    alpha = rgba[..., 3:, :, :] / 255
    background = torch.as_tensor(background, dtype=torch.float32).reshape(-1, 3, 1, 1)
    if rgba.ndim == 3:
        background = background[0]
    return (rgba[..., :3, :, :] * alpha + background * (1 - alpha)) / 127.5 - 1
