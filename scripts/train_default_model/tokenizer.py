"""The sentencepiece vocabulary, trained on everything the model will ever be told, in XLM-R's layout."""

import json
import random

import sentencepiece

import captions

VOCABULARY = 4000
MAX_LENGTH = 32
BOS, PAD, EOS, UNKNOWN = 0, 1, 2, 3
MODEL_FILE = "sentencepiece.bpe.model"


# Chinese has no spaces: left to itself the trainer would glue "戴帽子的" into one piece, and the model could not carry
# what it knows of 戴 or 帽子 to other prompts. Nouns come from the labels and tags, the words around them from here.
_CHINESE_GLUE = ["的", "和", "戴", "戴着", "背景", "背景上的", "图片", "图标", "国旗", "旗帜", "一张", "一", "两", "三"] \
    + [number + measure for number in "一两三" for measure in ("个", "只", "朵", "颗")] \
    + [word for full, _ in captions.COLOURS.values() for word in (full, full)] \
    + [word for _, chinese in captions.WEARABLES.values() for word in chinese]
_GLUE_REPEATS = 60


def write_corpus(path, records, variants, seed):
    """Labels weigh most; English templates and captions may go in whole, as pieces never cross a space."""
    rng = random.Random(seed)
    with open(path, "w", encoding="utf-8") as corpus:
        for record in records:
            for language in captions.LANGUAGES:
                noun = captions.nouns(record)[language]
                corpus.write("\n".join([record.label[language]] * 3 + [noun] * 2 + record.tags[language]) + "\n")
            english = rng.sample(captions.templates(record, "en", None), 2)
            corpus.write("\n".join(english + [record.label["en"].lower()]) + "\n")
        for variant in variants:
            corpus.write(rng.choice(variant.prompts["en"]) + "\n")
        corpus.write("\n".join(_CHINESE_GLUE * _GLUE_REPEATS) + "\n")


def train(run, records, variants, seed):
    target = run.file(MODEL_FILE)
    if target.exists():
        return
    corpus = run.file("corpus.txt")
    write_corpus(corpus, records, variants, seed)
    sentencepiece.SentencePieceTrainer.train(
        input=str(corpus), model_prefix=str(run.file("pieces")), model_type="unigram",
        # XLM-R adds <pad> and <mask> by itself: ids are pieces + 1, and the mask comes last.
        vocab_size=VOCABULARY - 2, character_coverage=1.0, normalization_rule_name="nmt_nfkc",
        unk_id=0, bos_id=1, eos_id=2, pad_id=-1, shuffle_input_sentence=True, num_threads=1, minloglevel=1)
    run.file("pieces.model").rename(target)


class Tokenizer:
    """Text to ids exactly as XLMRobertaTokenizer maps them, padded to the model's length."""

    def __init__(self, model_path):
        self.pieces = sentencepiece.SentencePieceProcessor(model_file=str(model_path))

    def encode(self, text):
        ids = [piece + 1 if piece else UNKNOWN for piece in self.pieces.encode(text)]
        ids = [BOS, *ids[:MAX_LENGTH - 2], EOS]
        return ids + [PAD] * (MAX_LENGTH - len(ids))


def write_config(folder):
    special = {"bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "sep_token": "</s>", "pad_token": "<pad>",
               "unk_token": "<unk>", "mask_token": "<mask>"}
    config = {"tokenizer_class": "XLMRobertaTokenizer", "model_max_length": MAX_LENGTH, **special}
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
    (folder / "special_tokens_map.json").write_text(json.dumps(special, indent=2) + "\n")
