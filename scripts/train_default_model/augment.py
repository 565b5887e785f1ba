"""New pictures made from old ones, each with captions that say what was done.

A model that only memorises 1,852 pictures cannot paint "a green cat". Recoloured, counted, dressed and paired
pictures show it that the words of a prompt act on their own. The combinations in `HELD_OUT` are never rendered:
the evaluation asks for them.
"""

import random
from dataclasses import dataclass

import numpy
from PIL import Image

import captions
from data import SIZE

HELD_OUT = {  # (kind, English noun, value)
    ("colour", "cat", "green"), ("colour", "apple", "purple"), ("colour", "banana", "blue"),
    ("colour", "elephant", "pink"), ("colour", "horse", "green"), ("colour", "strawberry", "blue"),
    ("colour", "dog", "blue"), ("colour", "rose", "yellow"), ("colour", "frog", "red"), ("colour", "pear", "pink"),
    ("colour", "guitar", "green"), ("colour", "fish", "purple"), ("colour", "balloon", "black"),
    ("colour", "pig", "yellow"), ("colour", "butterfly", "pink"), ("colour", "chair", "purple"),
    ("count", "heart", 2), ("count", "apple", 3), ("count", "dog", 2), ("count", "star", 3), ("count", "banana", 2),
    ("count", "rose", 2), ("count", "key", 3), ("count", "penguin", 2),
    ("wear", "panda", "top hat"), ("wear", "fox", "crown"), ("wear", "dog", "sunglasses"), ("wear", "pig", "crown"),
    ("wear", "bear", "billed cap"), ("wear", "frog", "glasses"), ("wear", "apple", "top hat"),
    ("wear", "koala", "graduation cap"),
    ("pair", "cat", "dog"), ("pair", "apple", "banana"), ("pair", "fish", "star"), ("pair", "heart", "rose"),
    ("background", "strawberry", "blue"), ("background", "panda", "yellow"), ("background", "pizza", "green"),
    ("background", "rocket", "purple"),
}

_HUES = {"red": 0, "orange": 27, "yellow": 48, "green": 125, "blue": 212, "purple": 272, "pink": 335, "brown": 24}
_BACKGROUNDS = {"red": (235, 60, 60), "orange": (255, 150, 50), "yellow": (255, 215, 70), "green": (70, 190, 90),
                "blue": (70, 140, 240), "purple": (150, 90, 220), "pink": (255, 150, 190), "black": (25, 25, 28)}
_COLOUR_GROUPS = ("animals-nature", "food-drink", "objects", "activities", "travel-places")
# Pictures whose colours are their meaning, or whose shape fills the frame.
_NOT_RECOLOURED = ("globe", "moon", "sun", "traffic", "rainbow", "flag", "clock", "o’clock", "thirty", "card", "medal",
                   "night", "city", "banknote", "chart", "mailbox", "map", "milky", "joker", "palette")
WEARERS = ("monkey face", "dog face", "wolf", "fox", "raccoon", "cat face", "lion", "tiger face", "cow face", "pig face",
           "mouse face", "hamster", "rabbit face", "bear", "polar bear", "koala", "panda", "frog", "chicken",
           "front-facing baby chick", "penguin", "owl", "teddy bear", "red apple", "tangerine", "pear", "peach",
           "tomato", "egg", "strawberry", "potato", "star", "octopus", "soccer ball", "cookie", "ghost", "robot",
           "alien", "skull", "jack-o-lantern", "grinning face", "smiling face", "thinking face", "slightly smiling face",
           "red heart", "hamburger", "snowman without snow", "pile of poo")
_WITH_EYES = ("monkey face", "dog face", "fox", "cat face", "lion", "tiger face", "pig face", "mouse face", "hamster",
              "bear", "polar bear", "koala", "panda", "penguin", "robot", "grinning face", "smiling face",
              "slightly smiling face", "red apple", "tangerine", "egg", "star")
_PAIRED = ("cat face", "dog face", "panda", "fox", "frog", "rabbit face", "pig face", "fish", "bird", "penguin",
           "red apple", "banana", "strawberry", "lemon", "watermelon", "pizza", "hamburger", "birthday cake",
           "rose", "sunflower", "star", "red heart", "balloon", "soccer ball", "guitar", "automobile", "rocket",
           "house", "key", "crown", "mushroom", "carrot")
_COUNTED_GROUPS = ("animals-nature", "food-drink", "objects", "activities")


@dataclass
class Variant:
    """One augmented picture: what it is made of, and what people would call it."""

    kind: str
    sources: tuple  # indices of the records
    value: object
    prompts: dict  # language -> list of captions


def to_hsv(rgb):
    """RGB floats [h, w, 3] in [0, 1] to hue in degrees, saturation and value."""
    high, low = rgb.max(-1), rgb.min(-1)
    spread = high - low
    safe = numpy.where(spread == 0, 1, spread)
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    hue = numpy.where(high == red, (green - blue) / safe % 6,
                      numpy.where(high == green, (blue - red) / safe + 2, (red - green) / safe + 4)) * 60
    return hue, spread / numpy.maximum(high, 1e-6), high


def to_rgb(hue, saturation, value):
    def channel(offset):
        k = (offset + hue / 60) % 6
        return value - value * saturation * numpy.clip(numpy.minimum(k, 4 - k), 0, 1)
    return numpy.stack([channel(5), channel(3), channel(1)], -1)


def hue_distance(a, b):
    return numpy.abs((a - b + 180) % 360 - 180)


@dataclass
class Palette:
    """The main colour of a picture."""

    hue: float
    share: float  # of the visible area that has about this hue
    grey_share: float  # of the visible area without colour
    saturation: float
    value: float

    def name(self):
        """The word people would use, or None where the picture has no one colour."""
        if self.share < 0.6:
            return None
        if self.saturation < 0.55 and self.value > 0.75 and (self.hue > 290 or self.hue < 20):
            return "pink"
        if self.value < 0.62 and 5 < self.hue < 45:
            return "brown"
        for limit, name in ((14, "red"), (39, "orange"), (66, "yellow"), (165, "green"), (195, None), (252, "blue"),
                            (300, "purple"), (343, "pink"), (361, "red")):
            if self.hue < limit:
                return name


def palette_of(picture):
    """From RGBA bytes [4, h, w]."""
    sampled = numpy.asarray(picture)[:, ::4, ::4]
    visible = sampled[3] > 200
    hue, saturation, value = (part[visible] for part in to_hsv(sampled[:3].transpose(1, 2, 0) / 255.0))
    if not len(hue):
        return Palette(0, 0, 0, 0, 0)
    coloured = (saturation > 0.25) & (value > 0.2)
    counts, _ = numpy.histogram(hue[coloured], bins=72, range=(0, 360))
    smooth = sum(numpy.roll(counts, shift) for shift in range(-3, 4))
    centre = smooth.argmax() * 5 + 2.5
    near = coloured & (hue_distance(hue, centre) < 28)
    if not near.any():
        return Palette(0, 0, 1, 0, 0)
    mean_shift = ((hue[near] - centre + 180) % 360 - 180).mean()
    return Palette((centre + mean_shift) % 360, near.mean(), (saturation < 0.2).mean(), saturation[near].mean(),
                   value[near].mean())


def recolour(picture, palette, colour):
    """Move the main hue (or the greys of a grey picture) to another colour; shading and small parts stay."""
    rgb = picture[:3].transpose(1, 2, 0) / 255.0
    hue, saturation, value = to_hsv(rgb)
    grey = palette.grey_share > palette.share
    if grey:
        weight = numpy.clip((0.35 - saturation) / 0.15, 0, 1) * numpy.clip((value - 0.15) / 0.2, 0, 1)
        offset, strength = 0.0, 0.6
    else:
        weight = numpy.clip((45 - hue_distance(hue, palette.hue)) / 15, 0, 1) * numpy.clip(saturation / 0.15, 0, 1)
        offset, strength = (hue - palette.hue + 180) % 360 - 180, numpy.maximum(saturation, 0.35)
    if colour == "black":
        new = to_rgb(hue, saturation * 0.15, value * 0.28)
    elif colour == "white":
        new = to_rgb(hue, saturation * 0.10, 1 - (1 - value) * 0.35)
    else:
        new_saturation = numpy.clip(strength * {"pink": 0.55, "brown": 0.8}.get(colour, 1.0), 0, 1)
        new_value = value * {"brown": 0.62, "purple": 0.92, "blue": 0.97}.get(colour, 1.0)
        new = to_rgb((_HUES[colour] + 0.5 * offset) % 360, numpy.broadcast_to(new_saturation, value.shape), new_value)
    mixed = rgb + (new - rgb) * weight[..., None]
    return numpy.concatenate([(mixed.clip(0, 1) * 255).round().astype(numpy.uint8), picture[3][..., None]], -1)


def to_image(picture):
    return Image.fromarray(numpy.ascontiguousarray(picture.transpose(1, 2, 0)), "RGBA")


def trimmed(image):
    """Without its transparent border."""
    return image.crop(image.getchannel("A").point(lambda alpha: 255 * (alpha > 24)).getbbox())


def fitted(image, width, height):
    scale = min(width / image.width, height / image.height)
    return image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))),
                        Image.Resampling.LANCZOS)


def paste_centred(canvas, image, x, y):
    layer = Image.new("RGBA", canvas.size)
    layer.paste(image, (round(x - image.width / 2), round(y - image.height / 2)))
    return Image.alpha_composite(canvas, layer)


def dress(wearer, wearable, on_eyes):
    """A hat on top, or glasses across the upper middle."""
    canvas = Image.new("RGBA", (SIZE, SIZE))
    if on_eyes:
        head = fitted(trimmed(wearer), 236, 236)
        glasses = fitted(trimmed(wearable), head.width * 0.72, head.height * 0.6)
        canvas = paste_centred(canvas, head, 128, 128)
        return paste_centred(canvas, glasses, 128, 128 - head.height * 0.03)
    head = fitted(trimmed(wearer), 190, 170)
    hat = fitted(trimmed(wearable), head.width * 0.72, 110)
    overlap = 0.14 * head.height
    top = (SIZE - (head.height + hat.height - overlap)) / 2
    canvas = paste_centred(canvas, head, 128, top + hat.height - overlap + head.height / 2)
    return paste_centred(canvas, hat, 128, top + hat.height / 2)


_PLACES = {2: ((66, 128), (190, 128)), 3: ((128, 66), (66, 190), (190, 190))}


def arrange(images):
    """Two side by side, or three in a triangle."""
    canvas = Image.new("RGBA", (SIZE, SIZE))
    for image, (x, y) in zip(images, _PLACES[len(images)]):
        canvas = paste_centred(canvas, fitted(trimmed(image), 120, 120), x, y)
    return canvas


def plan(records, palettes, seed):
    """The list of variants to render; the same for the same data and seed."""
    rng = random.Random(seed)
    by_label = {record.label["en"]: index for index, record in enumerate(records)}
    noun = [captions.nouns(record)["en"] for record in records]
    variants = []

    def held_out(kind, index, value):
        return (kind, noun[index], value) in HELD_OUT

    for index, record in enumerate(records):
        label = record.label["en"]
        plain = noun[index] in label and not any(word in label for word in _NOT_RECOLOURED)
        clear = palettes[index].share > 0.5 or palettes[index].grey_share > 0.6
        heart = label.endswith(" heart")
        if (record.group in _COLOUR_GROUPS or heart) and plain and clear:
            current = palettes[index].name()
            choices = [colour for colour in captions.COLOURS if colour != current]
            for colour in rng.sample(choices, 5):
                existing = f"{colour} {noun[index]}" in by_label
                if not held_out("colour", index, colour) and not existing:
                    variants.append(Variant("colour", (index,), colour, captions.colour_prompts(record, colour)))
        if (record.group in _COUNTED_GROUPS or heart) and len(label.split()) <= 2 and not label.endswith("s"):
            for count in (2, 3):
                if not held_out("count", index, count):
                    variants.append(Variant("count", (index,) * count, count, captions.count_prompts(record, count)))
        if record.group in _COLOUR_GROUPS and rng.random() < 0.35:
            colour = rng.choice(list(_BACKGROUNDS))
            if not held_out("background", index, colour):
                variants.append(Variant("background", (index,), colour, captions.background_prompts(record, colour)))
    for label in WEARERS:
        index = by_label[label]
        for wearable in captions.WEARABLES:
            fits = "glasses" not in wearable or label in _WITH_EYES
            if fits and not held_out("wear", index, wearable):
                variants.append(Variant("wear", (index, by_label[wearable]), wearable,
                                        captions.wear_prompts(records[index], wearable)))
    paired = [by_label[label] for label in _PAIRED]
    for position, left in enumerate(paired):
        for right in paired[position + 1:]:
            known = held_out("pair", left, noun[right]) or held_out("pair", right, noun[left])
            if not known:
                variants.append(Variant("pair", (left, right), None,
                                        captions.pair_prompts(records[left], records[right])))
    return variants


def render(variant, pictures, palettes):
    """RGB bytes [h, w, 3]."""
    picture = pictures[variant.sources[0]]
    background = (255, 255, 255)
    if variant.kind == "colour":
        image = Image.fromarray(recolour(picture, palettes[variant.sources[0]], variant.value), "RGBA")
    elif variant.kind == "background":
        image, background = to_image(picture), _BACKGROUNDS[variant.value]
    elif variant.kind == "wear":
        image = dress(to_image(picture), to_image(pictures[variant.sources[1]]), "glasses" in variant.value)
    else:
        image = arrange([to_image(pictures[source]) for source in variant.sources])
    canvas = Image.new("RGBA", image.size, background + (255,))
    return numpy.asarray(Image.alpha_composite(canvas, image).convert("RGB"))
