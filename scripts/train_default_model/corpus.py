"""Everything the text encoder and the U-Net learn from: latents, thumbnails and captions, originals and variants."""

import json
from dataclasses import asdict

import torch
from torch.nn import functional

import augment
import autoencoder
import captions
import tokenizer
from data import on_background
from text_encoder import THUMBNAIL

# How often each kind of variant is drawn; recolouring carries most to prompts that nobody rendered.
KIND_WEIGHTS = {"colour": 0.40, "count": 0.17, "wear": 0.21, "pair": 0.12, "background": 0.10}
LATENTS = "latents.pt"
PALETTES = "palettes.json"


def load_palettes(run, pictures):
    path = run.file(PALETTES)
    if not path.exists():
        path.write_text(json.dumps([asdict(augment.palette_of(picture)) for picture in pictures.numpy()]))
    return [augment.Palette(**row) for row in json.loads(path.read_text())]


def encode_all(run, pictures, palettes, variants, device, workers):
    """Latents [n, 4, 32, 32] and 24x24 thumbnails of the originals followed by the variants."""
    if state := run.load(LATENTS):
        return state
    model = autoencoder.load(run, device)
    sources = pictures.numpy()
    count = len(pictures) + len(variants)

    def picture_at(index):
        if index < len(pictures):
            return on_background(pictures[index])
        rendered = augment.render(variants[index - len(pictures)], sources, palettes)
        return torch.from_numpy(rendered.copy()).permute(2, 0, 1) / 127.5 - 1

    def encode(start):
        rgb = torch.stack([picture_at(index) for index in range(start, min(start + 32, count))])
        return autoencoder.encode(model, rgb, device).half(), functional.adaptive_avg_pool2d(rgb, THUMBNAIL).half()

    latents, thumbnails = zip(*workers.map(encode, range(0, count, 32)))
    state = {"latents": torch.cat(latents), "thumbnails": torch.cat(thumbnails)}
    run.save(LATENTS, state)
    return state


class PromptSource:
    """Draws (picture index, token ids), `originals_share` of them originals; indices past those are variants."""

    originals_share = 0.72

    def __init__(self, records, palettes, variants, pieces, tag_share):
        self.records = records
        self.colours = [palette.name() for palette in palettes]
        self.variants = variants
        self.by_kind = {kind: [index for index, variant in enumerate(variants) if variant.kind == kind]
                        for kind in KIND_WEIGHTS}
        self.pieces = pieces
        self.tag_share = tag_share

    def __call__(self, rng):
        language = rng.choice(captions.LANGUAGES)
        if rng.random() < self.originals_share:
            index = rng.randrange(len(self.records))
            prompt = captions.random_prompt(self.records[index], language, self.colours[index], self.tag_share, rng)
            return index, self.pieces.encode(prompt)
        kind = rng.choices(list(KIND_WEIGHTS), KIND_WEIGHTS.values())[0]
        variant = rng.choice(self.by_kind[kind])
        prompt = captions.vary_case(rng.choice(self.variants[variant].prompts[language]), rng)
        return len(self.records) + variant, self.pieces.encode(prompt)
