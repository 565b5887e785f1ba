"""Phase 2: the bilingual text encoder, first taught alone what each prompt roughly looks like.

A hundred seconds of this save many minutes of joint training, which otherwise starts from meaningless text.
"""

import random

import torch
from torch import nn
from torch.nn import functional
from transformers import XLMRobertaConfig, XLMRobertaModel

import tokenizer
from optim import Optimiser, rate_at, split_for_muon
from run_state import Every

WIDTH = 256
WEIGHTS = "text_encoder.pt"
BATCH = 192
PIECE = 48  # prompts that a worker takes at a time
THUMBNAIL = 24
COMPONENTS = 256


def config():
    return XLMRobertaConfig(
        vocab_size=tokenizer.VOCABULARY, hidden_size=WIDTH, num_hidden_layers=3, num_attention_heads=8,
        intermediate_size=640, hidden_act="gelu", max_position_embeddings=tokenizer.MAX_LENGTH + 2, type_vocab_size=1,
        layer_norm_eps=1e-5, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        bos_token_id=tokenizer.BOS, pad_token_id=tokenizer.PAD, eos_token_id=tokenizer.EOS)


class TextEncoder(nn.Module):
    """XLM-R and a linear layer, named as AltDiffusion's RobertaSeriesModelWithTransformation names them."""

    def __init__(self):
        super().__init__()
        self.roberta = XLMRobertaModel(config(), add_pooling_layer=False)
        self.transformation = nn.Linear(WIDTH, WIDTH)

    def forward(self, ids):
        mask = (ids != tokenizer.PAD).long()
        return self.transformation(self.roberta(input_ids=ids, attention_mask=mask).last_hidden_state)


def picture_codes(thumbnails):
    """Principal components of small pictures, half whitened: large shapes and colours first, details not lost."""
    flat = thumbnails.flatten(1).float()
    flat = flat - flat.mean(0)
    _, singular, basis = torch.linalg.svd(flat, full_matrices=False)
    codes = flat @ basis[:COMPONENTS].T / singular[:COMPONENTS].sqrt()
    return codes / codes.std()


def piece_gradients(model, head, parameters, codes, ids, index):
    """Of some prompts: (mean loss by parameter, squared error, cross entropy, share of pictures found)."""
    # Trailing pads change nothing for the tokens before them, so this phase leaves most of them out.
    ids = ids[:, :int((ids != tokenizer.PAD).sum(1).max())].to(codes.device)
    index = index.to(codes.device)
    with torch.autocast(codes.device.type, torch.bfloat16):
        tokens = model(ids).float()
    real = (ids != tokenizer.PAD).float()[..., None]
    predicted = head((tokens * real).sum(1) / real.sum(1))
    similarity = functional.normalize(predicted, dim=-1) @ functional.normalize(codes, dim=-1).T * 20
    match = functional.cross_entropy(similarity, index)
    error = functional.mse_loss(predicted, codes[index])
    right = (similarity.argmax(-1) == index).float().mean()
    return torch.autograd.grad(error + 0.2 * match, parameters), error.item(), match.item(), right.item()


def train(run, prompt_source, thumbnails, steps, device, seed, workers):
    """`prompt_source(rng)` gives (picture index, token ids); `thumbnails` hold one small picture for each index."""
    if run.file(WEIGHTS).exists():
        return
    torch.manual_seed(seed)
    codes = picture_codes(thumbnails).to(device)
    model = TextEncoder().to(device)
    head = nn.Linear(WIDTH, COMPONENTS).to(device)
    parameters = [*model.parameters(), *head.parameters()]
    matrices, rest = split_for_muon(model)
    optimiser = Optimiser(matrices, 2e-3, [(rest + list(head.parameters()), 2e-3)], workers.map)
    piece_size = PIECE if device.type == "cpu" else BATCH
    time_to_log = Every(15)
    for step in range(steps):
        rng = random.Random(f"text {seed} {step}")
        drawn = [prompt_source(rng) for _ in range(BATCH)]
        index = torch.tensor([picture for picture, _ in drawn])
        ids = torch.tensor([tokens for _, tokens in drawn])
        results = workers.map(lambda piece: piece_gradients(model, head, parameters, codes, *piece),
                              zip(ids.split(piece_size), index.split(piece_size)))
        for parameter, *parts in zip(parameters, *(gradients for gradients, *_ in results)):
            parameter.grad = sum(parts[1:], start=parts[0]) / len(parts)
        optimiser.step(rate_at(step, steps))
        if time_to_log():
            error, match, right = (round(sum(values) / len(results), 4) for values in zip(*(r[1:] for r in results)))
            run.log("text_encoder", step=step, error=error, match=match, right=right)
    normalise_output(model, ids.to(device))
    run.save(WEIGHTS, model.state_dict())


@torch.no_grad()
def normalise_output(model, ids):
    """Unit deviation for what the U-Net will attend to."""
    output = model(ids)[ids != tokenizer.PAD]
    scale = 1 / output.float().std()
    model.transformation.weight *= scale
    model.transformation.bias.sub_(output.mean(0)).mul_(scale)
