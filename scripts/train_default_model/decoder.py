"""Phase 4: the decoder alone learns to turn into clean pictures what the sampler really ends with.

The encoder and so the latents stay as they are, and the U-Net need not follow. A third of what the decoder sees are true
latents, a third noisy ones, a third those that the finished U-Net paints from a picture's label.
"""

import random

import torch
from torch.nn import functional

import augment
import autoencoder
import captions
import diffusion
from data import on_background
from optim import Average, Optimiser, rate_at, split_for_muon
from run_state import Every, step_generator
from text_encoder import TextEncoder

PAINTED = "painted.pt"
CHECKPOINT = "decoder.pt"
WEIGHTS = "autoencoder_tuned.pt"
BATCH = 4
LARGEST_NOISE = 0.2  # of the latents' deviation, which is one


@torch.no_grad()
def paint(run, records, latents, pieces, device, workers):
    """(indices, latents [n, 4, 32, 32]) of the pictures that the U-Net paints right from their labels."""
    if state := run.load(PAINTED):
        return state["index"], state["latents"]
    state = run.load(diffusion.CHECKPOINT)
    unet, text = diffusion.build().to(device, memory_format=torch.channels_last), TextEncoder().to(device)
    unet.load_state_dict(state["unet_average"])
    text.load_state_dict(state["text_average"])
    ids = torch.tensor([pieces.encode(record.label[captions.LANGUAGES[index % 2]])
                        for index, record in enumerate(records)])

    @torch.no_grad()
    def sample(start):
        prompts = ids[start:start + 16].to(device)
        generator = torch.Generator().manual_seed(start)
        state = torch.randn(len(prompts), 4, 32, 32, generator=generator).to(device, memory_format=torch.channels_last)
        sigmas = torch.linspace(1, 0, diffusion.SAMPLER_STEPS + 1).tolist()
        with torch.autocast(device.type, torch.bfloat16):
            hidden = text(prompts)
            for sigma, following in zip(sigmas, sigmas[1:]):
                times = torch.full((len(prompts),), sigma * 1000, device=device)
                state = state + (following - sigma) * unet(state, times, hidden).sample.float()
        return state.cpu()

    painted = torch.cat(workers.map(sample, range(0, len(ids), 16)))
    coarse = [functional.avg_pool2d(each.float(), 2).flatten(1) for each in (painted, latents[:len(records)])]
    right = torch.cdist(*coarse).argmin(1) == torch.arange(len(records))
    index = right.nonzero()[:, 0]
    run.log("painted", right=round(right.float().mean().item(), 4))
    run.save(PAINTED, {"index": index, "latents": painted[index].half()})
    return index, painted[index].half()


class Source:
    """Draws (latents [1, 4, 32, 32], picture [1, 3, 256, 256]): every third painted, every third noisy."""

    def __init__(self, pictures, palettes, variants, latents, painted):
        self.pictures, self.sources, self.palettes, self.variants = pictures, pictures.numpy(), palettes, variants
        self.latents, (self.painted_index, self.painted) = latents, painted

    def picture(self, index):
        if index < len(self.pictures):
            return on_background(self.pictures[index])
        rendered = augment.render(self.variants[index - len(self.pictures)], self.sources, self.palettes)
        return torch.from_numpy(rendered.copy()).permute(2, 0, 1) / 127.5 - 1

    def __call__(self, number, rng, generator):
        if number % 3 == 0 and len(self.painted):
            slot = rng.randrange(len(self.painted))
            return self.painted[slot].float()[None], self.picture(int(self.painted_index[slot]))[None]
        count = len(self.pictures) if rng.random() < 0.7 else len(self.latents)
        index = rng.randrange(count)
        latents = self.latents[index].float()[None]
        if number % 3 == 1:
            latents = latents + LARGEST_NOISE * rng.random() * torch.randn(latents.shape, generator=generator)
        return latents, self.picture(index)[None]


def train(run, source, steps, device, seed, workers):
    if run.file(WEIGHTS).exists():
        return
    torch.manual_seed(seed)
    model = autoencoder.load(run, device).train()
    trained = [*model.decoder.parameters(), *model.post_quant_conv.parameters()]
    for parameter in trained:
        parameter.requires_grad_(True)
    matrices, rest = split_for_muon(model.decoder)
    optimiser = Optimiser(matrices, 1e-3, [([*rest, *model.post_quant_conv.parameters()], 5e-4)], workers.map)
    average = Average(model, 0.99)
    step = 0
    if state := run.load(CHECKPOINT):
        model.load_state_dict(state["model"])
        average.weights = state["average"]
        optimiser.load_state_dict(state["optimiser"])
        step = state["step"]

    def gradients(piece):
        latents, target = piece
        with torch.autocast(device.type, torch.bfloat16):
            output = model.decode(latents.to(device, memory_format=torch.channels_last)).sample.float()
        target = target.to(device, memory_format=torch.channels_last)
        loss = autoencoder.reconstruction_loss(output, target)
        return torch.autograd.grad(loss, trained), functional.mse_loss(output, target).item()

    time_to_save, time_to_log, recent = Every(120), Every(30), []
    while step < steps:
        rng, generator = random.Random(f"decoder {seed} {step}"), step_generator(seed, "tune", step)
        batch = [source(BATCH * step + slot, rng, generator) for slot in range(BATCH)]
        results = workers.map(gradients, batch)
        for parameter, *parts in zip(trained, *(each for each, _ in results)):
            parameter.grad = sum(parts[1:], start=parts[0]) / len(parts)
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step(rate_at(step, steps, warm_up=20, decay_from=0.3))
        average.update(model, step)
        step += 1
        recent += [error for _, error in results]
        if time_to_log():
            run.log("decoder", step=step, mean_squared_error=round(sum(recent) / len(recent), 5))
            recent = []
        if time_to_save():
            run.save(CHECKPOINT, {"model": model.state_dict(), "average": average.weights,
                                  "optimiser": optimiser.state_dict(), "step": step})
    run.save(WEIGHTS, {name: value.cpu() for name, value in average.weights.items()})
