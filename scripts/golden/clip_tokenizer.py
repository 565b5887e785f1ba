"""make_golden.py's tiny CLIP tokenizers: the three layouts that checkpoints have, and the ids that
transformers gives for odd prompts with each.

    tokenizer       SD 1.5: vocab.json, merges.txt, special_tokens_map.json; pads with <|endoftext|>
    tokenizer_2     SDXL's second: flags in added_tokens_decoder; pads with "!", whose id is 0
    tokenizer_json  tokenizer.json alone, without some bytes, with tokens added to the vocabulary
"""
import collections
import json

from transformers import CLIPTokenizer

BEGIN, END = "<|startoftext|>", "<|endoftext|>"
WORD_END = "</w>"
MAX_LENGTH = 24
UNKNOWN_BYTES = "üĲª"  # as the byte alphabet writes 0xFC, 0x90 and 0xAA

PROMPTS = [
    "", " ", "a photo of a cat", "A PHOTO of a Cat", "   a   cat  ", "\ta\ncat\r\n", "a\u0085cat",
    "a\u00a0cat", "一\u3000只", "a\u2003b\u2028c", "\u200ba\u200bcat\ufeff", "hello! wow!!", "!", "!!",
    "a!b ! c", "it's they've i'm we'll he'd can't you're", "IT'S", "'s", "''s", "'string 'red",
    "rock 'n' roll", "l'été", "x'ſ", "3 cats and 12 dogs", "2024", "½ ① Ⅷ ４ ٣", "a1b2",
    "un-believable, state-of-the-art...", "(red:1.3), [blue]", "a--b", "...", "!?.,;:", "，。！？", BEGIN,
    END, BEGIN + "a cat" + END, "a " + END + " b", "<|StartOfText|> cat", "<|ENDOFTEXT|>", "<|ENDOFTEXT|>!",
    "x<|startoftext|>y", "!<|endoftext|>!", "<|endoftext", "<|startoftext|", "＜|endoftext|＞",
    "<|endoftext|>" * 30, "a</w> b", "Ġcat", "é", "e\u0301", "É E\u0301", "ñandú piñata", "Å Å Å",
    "q\u0307\u0323", "e\u0301\u0302\u0303", "\u1112\u1161\u11ab", "क़ \u0958", "\u0344",
    "a\u0898\u0334", "İstanbul ISIK ıi", "ΟΔΥΣΣΕΎΣ Σ", "ẞ ß", "ǅ ǆ", "K Å ſ", "\ua7cb \U00010d50",
    "\U0002ebf0 \U00016d40", "猫", "一只戴帽子的猫", "a green 青蛙 in the 水里", "猫" * 40, "🍎", "👩‍🚀 rides", "🇨🇳",
    "👍🏽", "♥️", "שלום", "مرحبا cat", "नमस्ते", "สวัสดี", "한국어", "ｶﾀｶﾅ", "\x00cat", "\x01\x02a", "\x7f",
    "a\x0bb", "a\x1fb", "\u00ad", "a\u00adb", "\ufffd", "\U0010ffff", "\ue000", "\u202ecat\u202c",
    "\u180ea", "the quick brown fox jumps over the lazy dog and " * 4, "a" * 300, "ab" * 60,
    "zqzqzq xyzzy", "http://x.y/?a=b&c=d", "<mask> </s>", "<thing>", "a<thing>b", "a <thing> b",
    "<THING> <Thing>", "my  STYLE", "my style!", "mystyle", "x my style y", "  <wide>  cat", "a<wide>b",
    "<wide><wide>", "\u3000<wide>\n cat", "<word> a", "a<word>", "<word>!<word>", "1<word>",
    "<longer><long>", "<long>er", "ü \U0001f510", "ªº", "aªb",
]

TEXT = """a photo of a cat a red apple a cat with a hat a green frog in the water the quick brown fox
jumps over the lazy dog two red hearts and three blue stars an astronaut riding a purple horse
on the moon it's a dog's life they've seen a painting of the sea, in the style of an old
master ... highly detailed, 8k, trending!! piñata été 一只戴帽子的猫 红色的苹果 a photograph of an
astronaut, portrait of a fox, red and blue lighting, the best quality, 4k, hello wow"""


def byte_alphabet():
    """GPT-2's printable character for each byte, in the order of CLIP's vocabulary."""
    printable = [*range(0x21, 0x7f), *range(0xa1, 0xad), *range(0xae, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    alphabet = {byte: chr(byte) for byte in printable}
    return alphabet | {byte: chr(256 + i) for i, byte in enumerate(others)}


def train_merges(text):
    """All of the text's byte pairs, by frequency; among equals the first in alphabetical order."""
    alphabet = byte_alphabet()
    words = collections.Counter()
    for word in text.split():
        symbols = [alphabet[byte] for byte in word.encode()]
        words[tuple(symbols[:-1] + [symbols[-1] + WORD_END])] += 1
    merges = []
    while True:
        pairs = collections.Counter()
        for word, times in words.items():
            for pair in zip(word, word[1:]):
                pairs[pair] += times
        if not pairs:
            return merges
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        joined = collections.Counter()
        for word, times in words.items():
            symbols, at = [], 0
            while at < len(word):
                both = word[at:at + 2] == best
                symbols.append("".join(best) if both else word[at])
                at += 2 if both else 1
            joined[tuple(symbols)] += times
        words = joined


def vocabulary(merges, without=""):
    symbols = [symbol for symbol in byte_alphabet().values() if symbol not in without]
    tokens = [*symbols, *(symbol + WORD_END for symbol in symbols), *map("".join, merges), BEGIN, END]
    return {token: i for i, token in enumerate(dict.fromkeys(tokens))}


def token(content, normalized, **changes):
    flags = {"lstrip": False, "normalized": normalized, "rstrip": False, "single_word": False}
    return {"content": content} | flags | changes


def write_json(path, value):
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    path.write_text(text + "\n", encoding="utf-8")


def common_config(max_length):
    return {"model_max_length": max_length, "tokenizer_class": "CLIPTokenizer"}


def write_files(folder, merges, config):
    folder.mkdir(parents=True)
    write_json(folder / "vocab.json", vocabulary(merges))
    lines = ["#version: 0.2", *(" ".join(merge) for merge in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    write_json(folder / "tokenizer_config.json", config)


def make_first(folder, merges, max_length):
    texts = {"bos_token": BEGIN, "eos_token": END, "unk_token": END}
    named = {name: token(text, True) for name, text in texts.items()}
    config = {name: {"__type": "AddedToken"} | value for name, value in named.items()}
    config |= {"add_prefix_space": False, "do_lower_case": True, "errors": "replace", "pad_token": END}
    write_files(folder, merges, common_config(max_length) | config)
    write_json(folder / "special_tokens_map.json", named | {"pad_token": END})


def make_second(folder, merges, max_length):
    ids = vocabulary(merges)
    added = {str(ids[text]): token(text, text != "!", special=True) for text in ("!", BEGIN, END)}
    write_files(folder, merges, common_config(max_length) | {
        "added_tokens_decoder": added, "bos_token": BEGIN, "eos_token": END, "pad_token": "!",
        "unk_token": END, "clean_up_tokenization_spaces": True, "extra_special_tokens": {}})


def make_json(folder, merges):
    folder.mkdir(parents=True)
    merges = [merge for merge in merges if not set("".join(merge)) & set(UNKNOWN_BYTES)]
    ids = vocabulary(merges, UNKNOWN_BYTES)
    added = [token(BEGIN, True, special=True, id=ids[BEGIN]),
             token(END, False, special=True, id=ids[END])]
    for text, changes in [("<thing>", {"normalized": False}), ("my Style", {}),
                          ("<wide>", {"lstrip": True, "rstrip": True}),
                          ("<word>", {"single_word": True}), ("<long>", {}), ("<longer>", {})]:
        added.append(token(text, True, special=False, id=len(ids) + len(added) - 2) | changes)
    model = {"type": "BPE", "dropout": None, "unk_token": END, "continuing_subword_prefix": "",
             "end_of_word_suffix": WORD_END, "fuse_unk": False, "byte_fallback": False,
             "vocab": ids, "merges": [list(merge) for merge in merges]}
    write_json(folder / "tokenizer.json", {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None,
        "pre_tokenizer": None, "post_processor": None, "decoder": None, "model": model})
    write_json(folder / "tokenizer_config.json", common_config(MAX_LENGTH))


def make_table(folders):
    """Each prompt's ids with every tokenizer, and by which of them it was cut."""
    tokenizers = {folder.name: CLIPTokenizer.from_pretrained(folder) for folder in folders}
    facts = {name: {"pad_id": tokenizer.pad_token_id, "vocabulary_size": len(tokenizer)}
             for name, tokenizer in tokenizers.items()}
    rows = []
    for text in PROMPTS:
        row = {"text": text, "truncated": []}
        for name, tokenizer in tokenizers.items():
            row[name] = tokenizer(text, truncation=True, max_length=MAX_LENGTH).input_ids
            if len(tokenizer(text).input_ids) > MAX_LENGTH:
                row["truncated"].append(name)
        rows.append(json.dumps(row, separators=(",", ":")))
    head = '{"tokenizers":' + json.dumps(facts) + ',"prompts":[\n'
    return head + ",\n".join(rows) + "\n]}\n"


def make_clip_model(folder, merges, max_length):
    """A model folder with nothing but SDXL's two tokenizers."""
    make_first(folder / "tokenizer", merges, max_length)
    make_second(folder / "tokenizer_2", merges, max_length)
    kind = ["transformers", "CLIPTokenizer"]
    write_json(folder / "model_index.json", {
        "_class_name": "StableDiffusionXLPipeline", "tokenizer": kind, "tokenizer_2": kind})


def make_clip_tokenizers(out):
    """Writes out/clip: a model folder with two tokenizers, a third beside them, and tokens.json."""
    folder = out / "clip"
    merges = train_merges(TEXT.lower())
    make_clip_model(folder, merges, MAX_LENGTH)
    make_json(folder / "tokenizer_json", merges)
    table = make_table([folder / name for name in ("tokenizer", "tokenizer_2", "tokenizer_json")])
    (folder / "tokens.json").write_text(table, encoding="utf-8")
