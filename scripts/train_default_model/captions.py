"""What people may type for a picture: labels, templates and tags in English and Chinese."""

LANGUAGES = ("en", "zh")

COLOURS = {  # name -> (full Chinese word, short Chinese word)
    "red": ("红色", "红"),
    "orange": ("橙色", "橙"),
    "yellow": ("黄色", "黄"),
    "green": ("绿色", "绿"),
    "blue": ("蓝色", "蓝"),
    "purple": ("紫色", "紫"),
    "pink": ("粉色", "粉"),
    "black": ("黑色", "黑"),
    "white": ("白色", "白"),
    "brown": ("棕色", "棕"),
}
# Longest first, so that "light blue" is taken off whole.
_ENGLISH_COLOUR_PREFIXES = ("light blue ", *(name + " " for name in COLOURS), "grey ")
_CHINESE_COLOUR_PREFIXES = ("粉红色的", "浅蓝色的", "黑色的", "红色", "橙色", "黄色", "绿色", "蓝色", "紫色", "棕色",
                            "黑色", "白色", "红", "橙", "黄", "绿", "蓝", "紫", "棕", "黑", "灰", "白", "青")
_MEASURE_WORDS = {"车": "辆", "花": "朵", "玫瑰": "朵", "树": "棵", "书": "本", "心": "颗", "星": "颗", "星星": "颗", "船": "艘",
                  "鱼": "条", "蛇": "条", "马": "匹", "伞": "把", "椅子": "把", "钥匙": "把", "草莓": "颗", "樱桃": "颗",
                  "帽": "顶", "皇冠": "顶", "杯": "杯", "房子": "座"}
_IRREGULAR_PLURALS = {"mouse": "mice", "computer mouse": "computer mice", "goose": "geese", "ox": "oxen",
                      "wolf": "wolves", "knife": "knives", "leaf": "leaves", "tooth": "teeth", "foot": "feet",
                      "fish": "fish", "sheep": "sheep", "deer": "deer", "bison": "bison"}


def english_article(noun):
    return ("an " if noun[:1].lower() in "aeiou" else "a ") + noun


def english_plural(noun):
    head, _, last = noun.rpartition(" ")
    if last in _IRREGULAR_PLURALS:
        plural = _IRREGULAR_PLURALS[last]
    elif last.endswith(("s", "x", "ch", "sh")):
        plural = last + "es"
    elif last.endswith("y") and last[-2:-1] not in "aeiou":
        plural = last[:-1] + "ies"
    elif last in ("tomato", "potato", "mango"):
        plural = last + "es"
    else:
        plural = last + "s"
    return (head + " " + plural).strip()


def _strip(text, prefixes):
    for prefix in prefixes:
        if text.startswith(prefix) and len(text) > len(prefix):
            return text[len(prefix):]
    return text


def nouns(record):
    """The thing itself, without the colour or the "face" that the label may carry."""
    en, zh = record.label["en"], record.label["zh"]
    plain = _strip(en, _ENGLISH_COLOUR_PREFIXES)
    if plain != en:
        zh = _strip(zh, _CHINESE_COLOUR_PREFIXES)
    if record.group == "animals-nature" and plain.endswith(" face"):
        plain = plain[:-len(" face")]
        zh = _strip(zh[::-1], ("脸", "头"))[::-1]
    return {"en": plain, "zh": zh}


def measure_word(record, noun):
    for size in (2, 1):
        if noun[-size:] in _MEASURE_WORDS:
            return _MEASURE_WORDS[noun[-size:]]
    return "只" if record.group == "animals-nature" else "个"


def _flag_prompts(record, language):
    """"flag: Peru" is how the data set files it; people write "the flag of Peru"."""
    label = record.label[language]
    if language == "en" and label.startswith("flag: "):
        country = label[len("flag: "):]
        return [f"flag of {country}", f"the flag of {country}", f"{country} flag", country]
    if language == "zh" and label.startswith("旗: "):
        country = label[len("旗: "):]
        return [f"{country}国旗", f"{country}的旗帜", f"{country}旗", country]
    return []


def templates(record, language, colour):
    """Every full way to ask for a picture in one language, the bare label aside."""
    label = record.label[language]
    noun = nouns(record)[language]
    prompts = _flag_prompts(record, language)
    if language == "en":
        prompts += [english_article(label), f"a picture of {english_article(label)}", f"{label} emoji", f"the {label}",
                    f"an icon of {english_article(label)}"]
        if colour and noun == label:
            prompts += [f"{colour} {noun}", english_article(f"{colour} {noun}")]
    else:
        counted = f"一{measure_word(record, noun)}{label}"
        prompts += [counted, f"一个{label}", f"{label}的图片", f"{label}图标", f"一张{label}的图"]
        if colour and nouns(record)["en"] == record.label["en"]:
            full, short = COLOURS[colour]
            prompts += [f"{full}的{noun}", f"{full}{noun}", f"一{measure_word(record, noun)}{full}的{noun}"]
    return prompts


def random_prompt(record, language, colour, tag_share, rng):
    """One prompt for a picture: mostly its label, at times a template, at times tags."""
    draw = rng.random()
    label, tags = record.label[language], record.tags[language]
    if draw < tag_share and tags:
        chosen = rng.sample(tags, min(len(tags), rng.randint(1, 4)))
        if rng.random() < 0.5:
            chosen.insert(0, label)
        prompt = (", " if language == "en" else rng.choice(["，", " "])).join(chosen)
    elif draw < tag_share + 0.3:
        prompt = rng.choice(templates(record, language, colour))
    else:
        prompt = label
    return vary_case(prompt, rng)


def vary_case(prompt, rng):
    """The tokenizer keeps case; people do not care about it."""
    draw = rng.random()
    if draw < 0.1:
        return prompt.lower()
    if draw < 0.2:
        return prompt[:1].upper() + prompt[1:]
    return prompt


def colour_prompts(record, colour):
    noun = nouns(record)
    full, short = COLOURS[colour]
    measure = measure_word(record, noun["zh"])
    return {"en": [f"{colour} {noun['en']}", english_article(f"{colour} {noun['en']}"),
                   f"a picture of {english_article(colour + ' ' + noun['en'])}"],
            "zh": [f"{full}的{noun['zh']}", f"{full}{noun['zh']}", f"一{measure}{full}的{noun['zh']}",
                   f"一{measure}{short}{noun['zh']}"]}


def count_prompts(record, count):
    """Keeps the label's own colour: "two red hearts"."""
    word = {2: ("two", "两"), 3: ("three", "三")}[count]
    noun = nouns(record)
    en, zh = record.label["en"], record.label["zh"]
    if noun["en"] != en and en.endswith(" face"):
        en, zh = noun["en"], noun["zh"]
    measure = measure_word(record, noun["zh"])
    return {"en": [f"{word[0]} {english_plural(en)}", f"{count} {english_plural(en)}",
                   f"a picture of {word[0]} {english_plural(en)}"],
            "zh": [f"{word[1]}{measure}{zh}", f"{word[1]}个{zh}"]}


WEARABLES = {  # label in the data set -> (English words, Chinese words)
    "top hat": (["a hat", "a top hat"], ["帽子", "礼帽"]),
    "crown": (["a crown"], ["皇冠"]),
    "billed cap": (["a cap", "a blue cap"], ["鸭舌帽", "棒球帽"]),
    "graduation cap": (["a graduation cap"], ["毕业帽"]),
    "sunglasses": (["sunglasses"], ["墨镜", "太阳镜"]),
    "glasses": (["glasses"], ["眼镜"]),
}


def wear_prompts(record, wearable):
    noun = nouns(record)
    english, chinese = WEARABLES[wearable]
    measure = measure_word(record, noun["zh"])
    thing = english_article(noun["en"])
    return {"en": [f"{start} {link} {what}" for what in english for start in (thing, noun["en"])
                   for link in ("with", "wearing", "in")],
            "zh": [text for what in chinese for text in
                   (f"戴{what}的{noun['zh']}", f"一{measure}戴{what}的{noun['zh']}", f"戴着{what}的{noun['zh']}",
                    f"一{measure}戴着{what}的{noun['zh']}")]}


def pair_prompts(left, right):
    a, b = nouns(left), nouns(right)
    en = [f"{english_article(x)} and {english_article(y)}" for x, y in ((a["en"], b["en"]), (b["en"], a["en"]))]
    en += [f"{a['en']} and {b['en']}"]
    zh = [f"{a['zh']}和{b['zh']}", f"{b['zh']}和{a['zh']}",
          f"一{measure_word(left, a['zh'])}{a['zh']}和一{measure_word(right, b['zh'])}{b['zh']}"]
    return {"en": en, "zh": zh}


def background_prompts(record, colour):
    label = record.label
    full, _ = COLOURS[colour]
    return {"en": [f"{label['en']} on {english_article(colour)} background", f"{english_article(label['en'])} on {english_article(colour)} background"],
            "zh": [f"{full}背景上的{label['zh']}", f"{label['zh']}，{full}背景"]}
