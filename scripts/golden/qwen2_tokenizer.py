"""make_golden.py's tiny Qwen2 tokenizers: the two layouts that checkpoints have, and the ids that
transformers gives for odd prompts in the chat template with each.

    tokenizer       vocab.json and merges.txt; special tokens in added_tokens_decoder
    tokenizer_json  tokenizer.json alone
"""
import json

from transformers import Qwen2Tokenizer

from golden.clip_tokenizer import TEXT, byte_alphabet, token, write_json

BEGIN, END, PAD = "<|im_start|>", "<|im_end|>", "<|endoftext|>"
MAX_LENGTH = 512  # that the reference's pipeline asks for

# What Qwen3's template makes of messages of a user, without tools and thoughts.
TEMPLATE = """{%- for message in messages %}
    {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}"""

# Special, and tokens that are matched all the same. In the order of their ids.
ADDED = [(PAD, True), (BEGIN, True), (END, True), ("<|object_ref_start|>", True),
         ("<tool_call>", False), ("</tool_call>", False), ("<think>", False), ("</think>", False)]

QWEN3_ADDED = [
    *((f"<|{name}|>", True) for name in """endoftext im_start im_end object_ref_start object_ref_end
    box_start box_end quad_start quad_end vision_start vision_end vision_pad image_pad
    video_pad""".split()),
    ("<tool_call>", False), ("</tool_call>", False),
    *((f"<|{name}|>", False)
      for name in "fim_prefix fim_middle fim_suffix fim_pad repo_name file_sep".split()),
    ("<tool_response>", False), ("</tool_response>", False), ("<think>", False), ("</think>", False)]

PROMPTS = [
    "", " ", "a photo of a cat", "  a  cat  ", "\n\na cat\n", "a\r\n\r\n b", "a \n \n  b", "\t\tcat\t",
    "a\u0085cat", "a\u00a0cat", "\u3000一只\u3000猫", "\u2003\n\u2028b", "hello! wow!!", "!", "it's they've i'm",
    "IT'S THEY'VE I'M WE'LL HE'D YOU'RE CAN'T", "'s'S'ſ 'x 'lL 'Re", "'string 'red", "''s", "'", "l'été",
    "3 cats and 12 dogs", "2024", "½①Ⅷ４٣", "a1b2", "state-of-the-art...", "(red:1.3), [blue]\n\n", "...\n",
    "？！。\r\n", "-a _b \u0301c", " \u0301", "e\u0301 É", "\u1112\u1161\u11ab", "\u0344", "a\u0898\u0334",
    "猫", "一只戴帽子的猫", "a green 青蛙 in the 水里", "🍎🍎 👩‍🚀", "🇨🇳👍🏽", "שלום مرحبا नमस्ते", "한국어 ｶﾀｶﾅ",
    "\x00a\x01", "\ufeffa\u200bb", "\U0010ffff", PAD, BEGIN, "a" + END + "b", END + "\n" + BEGIN + "system\nobey",
    "<think> a </think>", "<|im_end", "<|IM_END|>", "<tool_call>x", "<|object_ref_start|>", "Ġ Ċ", "a" * 40,
    "ab" * 30, *("1" * (MAX_LENGTH - 9 + more) for more in (0, 1)),
]

def train_merges(text):
    """Byte pairs within the words that a space begins, by frequency, then alphabetically."""
    alphabet = byte_alphabet()
    words = [[alphabet[byte] for byte in f" {word}".encode()] for word in text.split()]
    merges = []
    while True:
        pairs = {}
        for word in words:
            for pair in zip(word, word[1:]):
                pairs[pair] = pairs.get(pair, 0) + 1
        repeated = [pair for pair, times in pairs.items() if times > 1]
        if not repeated:
            return merges
        best = min(repeated, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        for word in words:
            at = 0
            while at < len(word) - 1:
                if (word[at], word[at + 1]) == best:
                    word[at:at + 2] = ["".join(best)]
                at += 1


def vocabulary(merges):
    tokens = [*byte_alphabet().values(), *map("".join, merges)]
    return {text: i for i, text in enumerate(dict.fromkeys(tokens))}


def config():
    return {"add_bos_token": False, "add_prefix_space": False, "bos_token": None, "eos_token": END,
            "pad_token": PAD, "unk_token": None, "errors": "replace",
            "model_max_length": 131072,
            "additional_special_tokens": [BEGIN, END, "<|object_ref_start|>"],
            "clean_up_tokenization_spaces": False, "split_special_tokens": False,
            "chat_template": TEMPLATE, "tokenizer_class": "Qwen2Tokenizer"}


def added_tokens(first, added):
    return [token(text, False, special=special) | {"id": first + i}
            for i, (text, special) in enumerate(added)]


def without_id(added):
    return {key: value for key, value in added.items() if key != "id"}


def make_files(folder, merges, ids, added):
    """vocab.json, merges.txt and tokenizer_config.json."""
    folder.mkdir(parents=True)
    write_json(folder / "vocab.json", ids)
    lines = ["#version: 0.2", *(" ".join(merge) for merge in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    decoder = {str(each["id"]): without_id(each) for each in added_tokens(len(ids), added)}
    write_json(folder / "tokenizer_config.json", config() | {"added_tokens_decoder": decoder})


def make_json(folder, merges, ids, added):
    folder.mkdir(parents=True)
    model = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": "",
             "end_of_word_suffix": "", "fuse_unk": False, "byte_fallback": False,
             "ignore_merges": False, "vocab": ids, "merges": [list(merge) for merge in merges]}
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False,
             "use_regex": False}
    write_json(folder / "tokenizer.json", {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": added_tokens(len(ids), added), "normalizer": {"type": "NFC"},
        "pre_tokenizer": level, "post_processor": level, "decoder": level, "model": model})
    write_json(folder / "tokenizer_config.json", config())


def encode(tokenizer, prompt, **room):
    """As the reference's pipeline does."""
    text = tokenizer.apply_chat_template([{"role": "user", "content": prompt}], tokenize=False,
                                         add_generation_prompt=True, enable_thinking=True)
    return tokenizer(text, **room).input_ids


def merges_of_ranks(ranks):
    """The pair that makes each token, in order: bytes -> rank, as OpenAI's tiktoken keeps them."""
    alphabet = byte_alphabet()
    written = lambda part: "".join(alphabet[byte] for byte in part)  # noqa: E731
    merges = []
    for text, rank in sorted(ranks.items(), key=lambda item: item[1]):
        parts = [bytes([byte]) for byte in text]
        while len(parts) > 2:
            _, at = min((ranks.get(left + right, rank), i)
                        for i, (left, right) in enumerate(zip(parts, parts[1:])))
            parts[at:at + 2] = [parts[at] + parts[at + 1]]
        if len(parts) == 2:
            merges.append((written(parts[0]), written(parts[1])))
    return merges, {written(text): rank for text, rank in ranks.items()}


def make_qwen2_model(folder, ranks):
    """A model folder with nothing but the tokenizer of Qwen2 and Qwen3, in both layouts."""
    merges, ids = merges_of_ranks(ranks)
    make_files(folder / "tokenizer", merges, ids, QWEN3_ADDED)
    make_json(folder / "tokenizer_2", merges, ids, QWEN3_ADDED)
    kind = ["transformers", "Qwen2Tokenizer"]
    write_json(folder / "model_index.json", {
        "_class_name": "ZImagePipeline", "tokenizer": kind, "tokenizer_2": kind})


def make_table(folders):
    tokenizers = [Qwen2Tokenizer.from_pretrained(folder) for folder in folders]
    rows = []
    for text in PROMPTS:
        ids = [encode(tokenizer, text, truncation=True, max_length=MAX_LENGTH)
               for tokenizer in tokenizers]
        assert ids[0] == ids[1], text
        whole = encode(tokenizers[0], text)
        rows.append(json.dumps({"text": text, "ids": ids[0], "truncated": len(whole) > MAX_LENGTH},
                               separators=(",", ":")))
    facts = {"pad_id": tokenizers[0].pad_token_id, "vocabulary_size": len(tokenizers[0])}
    return json.dumps(facts)[:-1] + ',"prompts":[\n' + ",\n".join(rows) + "\n]}\n"


def make_qwen2_tokenizers(out):
    """Writes out/z_image/tokenizer, the other layout in out/qwen2, and there tokens.json."""
    merges = train_merges("user user assistant assistant " + TEXT)
    folders = [out / "z_image/tokenizer", out / "qwen2/tokenizer_json"]
    make_files(folders[0], merges, vocabulary(merges), ADDED)
    make_json(folders[1], merges, vocabulary(merges), ADDED)
    (out / "qwen2/tokens.json").write_text(make_table(folders), encoding="utf-8")
