"""Phase 3: the U-Net learns to walk from noise to a picture's latents, the text encoder learns along with it.

Flow matching: x = (1 - sigma) * picture + sigma * noise, and the network predicts noise - picture.
"""

import random
import time

import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor

from optim import Average, Optimiser, rate_at, split_for_muon
from run_state import Every, step_generator
from text_encoder import WEIGHTS as TEXT_WEIGHTS
from text_encoder import WIDTH, TextEncoder

CONFIG = {
    "sample_size": 32,
    "in_channels": 4,
    "out_channels": 4,
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "mid_block_type": "UNetMidBlock2DCrossAttn",
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
    "block_out_channels": [96, 160, 192],
    "layers_per_block": 1,
    "norm_num_groups": 16,
    "cross_attention_dim": WIDTH,
    "attention_head_dim": [3, 5, 6],  # numbers of heads, for all its name: 32 channels each
}
CHECKPOINT = "diffusion.pt"
SAMPLER_STEPS = 8
# Pictures of one batch that a worker takes at a time; small enough to stay in a core's cache.
PIECE = 8
# From this share of the run on, when the outlines stand, the rate falls, most pictures are originals (the variants have
# taught what words do; the details are the originals'), most noise levels are those that the sampler visits, and half of
# each batch walks the sampler's own path (see Walkers).
REFINE_FROM = 0.45
REFINED_ORIGINALS_SHARE = 0.85
VISITED_SHARE = 0.6
VISITED_WEIGHTS = (20, 18, 14, 12, 11, 10, 8, 7)


def build():
    model = UNet2DConditionModel(**CONFIG)
    # A zero start makes the first prediction the mean one instead of noise of its own.
    torch.nn.init.zeros_(model.conv_out.weight)
    torch.nn.init.zeros_(model.conv_out.bias)
    return model


def draw_sigmas(count, progress, generator):
    """High noise decides what is painted and is hardest, so it gets most of the early steps."""
    high_share = 0.45 if progress < REFINE_FROM else 0.25
    logit_normal = torch.sigmoid(0.4 + 1.2 * torch.randn(count, generator=generator))
    high = 0.85 + 0.15 * torch.rand(count, generator=generator)
    chosen = torch.rand(count, generator=generator) < high_share
    sigmas = torch.where(chosen, high, logit_normal)
    # The very first sampler step starts at exactly one.
    sigmas = torch.where(torch.rand(count, generator=generator) < 0.08, torch.ones(count), sigmas)
    levels = torch.multinomial(torch.tensor(VISITED_WEIGHTS, dtype=torch.float), count, True, generator=generator)
    visited = torch.rand(count, generator=generator) < (VISITED_SHARE if progress >= REFINE_FROM else 0)
    return torch.where(visited, 1 - levels / SAMPLER_STEPS, sigmas)


class Walkers:
    """Pictures on their way through the sampler, one step further after each training step.

    The states that the sampler reaches are not those of straight interpolation: early mistakes add up, and a network
    that has seen none of its own takes them for part of the picture. Training on them, with the true picture as the
    goal, teaches it to trust the words and mend the state. The prediction that training needs anyway moves each walker
    on, so the walk costs nothing.
    """

    def __init__(self, count):
        # Spread over the path, so that each batch holds all noise levels.
        self.first_position = [index % SAMPLER_STEPS for index in range(count)]
        self.position = [SAMPLER_STEPS] * count
        self.index = [0] * count
        self.tokens = [None] * count
        self.state = torch.zeros(count, CONFIG["in_channels"], CONFIG["sample_size"], CONFIG["sample_size"])

    def refill(self, prompt_source, latents, rng, generator):
        """Give every walker that has arrived (or never started) a new picture."""
        for slot, position in enumerate(self.position):
            if position < SAMPLER_STEPS:
                continue
            self.index[slot], self.tokens[slot] = prompt_source(rng)
            noise = torch.randn(self.state.shape[1:], generator=generator)
            self.position[slot] = self.first_position[slot]
            self.first_position[slot] = 0
            sigma = 1 - self.position[slot] / SAMPLER_STEPS
            self.state[slot] = sigma * noise + (1 - sigma) * latents[self.index[slot]].float()

    def sigmas(self):
        return 1 - torch.tensor(self.position) / SAMPLER_STEPS

    def advance(self, velocity):
        self.state = self.state - velocity / SAMPLER_STEPS
        self.position = [position + 1 for position in self.position]


class Trainer:
    def __init__(self, run, device, seed, batch, workers):
        torch.manual_seed(seed)
        self.run, self.device, self.seed, self.batch, self.workers = run, device, seed, batch, workers
        self.unet = build().to(device, memory_format=torch.channels_last)
        if device.type == "cpu":
            # Plain products: the backward pass of fused attention takes a sixth of the time on a CPU.
            self.unet.set_attn_processor(AttnProcessor())
        self.text = TextEncoder().to(device)
        self.text.load_state_dict(run.load(TEXT_WEIGHTS))
        matrices, rest = split_for_muon(self.unet)
        self.optimiser = Optimiser(matrices, 2e-3, [(rest, 2e-3), (self.text.parameters(), 3e-4)], workers.map)
        self.parameters = [*self.unet.parameters(), *self.text.parameters()]
        self.unet_average = Average(self.unet, 0.997)
        self.text_average = Average(self.text, 0.997)
        self.walkers = Walkers(batch // 2)
        self.step = 0
        if state := run.load(CHECKPOINT):
            self.unet.load_state_dict(state["unet"])
            self.text.load_state_dict(state["text"])
            self.unet_average.weights = state["unet_average"]
            self.text_average.weights = state["text_average"]
            self.optimiser.load_state_dict(state["optimiser"])
            vars(self.walkers).update(state["walkers"])
            self.step = state["step"]

    def save(self):
        self.run.save(CHECKPOINT, {
            "unet": self.unet.state_dict(), "text": self.text.state_dict(),
            "unet_average": self.unet_average.weights, "text_average": self.text_average.weights,
            "optimiser": self.optimiser.state_dict(), "walkers": vars(self.walkers), "step": self.step})

    def predict(self, state, sigmas, ids):
        with torch.autocast(self.device.type, torch.bfloat16):
            hidden = self.text(ids.to(self.device))
            state = state.to(self.device, memory_format=torch.channels_last)
            # The U-Net sees all positions, pads included, as it will when it serves.
            return self.unet(state, sigmas.to(self.device) * 1000, hidden).sample.float()

    def gradients(self, piece):
        """Of one piece of a batch: (sum of weighted errors by parameter, weighted errors, velocities).

        The error is that of the picture which a straight line from the state ends in.
        """
        states, sigmas, ids, pictures, weights = piece
        velocity = self.predict(states, sigmas, ids)
        ends = states.to(self.device) - sigmas.to(self.device)[:, None, None, None] * velocity
        errors = (ends - pictures.to(self.device)).square().mean((1, 2, 3)) * weights.to(self.device)
        gradients = torch.autograd.grad(errors.sum() / self.batch, self.parameters)
        return gradients, errors.detach().cpu(), velocity.detach().cpu()

    def fresh_part(self, count, prompt_source, latents, progress, rng, generator):
        """States between noise and pictures; dividing by sigma squared makes the error that of the velocity."""
        drawn = [prompt_source(rng) for _ in range(count)]
        pictures = latents[[index for index, _ in drawn]].float()
        noise = torch.randn(pictures.shape, generator=generator)
        sigmas = draw_sigmas(count, progress, generator)
        spread = sigmas[:, None, None, None]
        return ((1 - spread) * pictures + spread * noise, sigmas, torch.tensor([ids for _, ids in drawn]), pictures,
                sigmas ** -2)

    def walking_part(self, prompt_source, latents, rng, generator):
        walkers = self.walkers
        walkers.refill(prompt_source, latents, rng, generator)
        return (walkers.state, walkers.sigmas(), torch.tensor(walkers.tokens), latents[walkers.index].float(),
                torch.ones(len(walkers.index)))

    def train_step(self, prompt_source, latents, steps):
        """One update; gives the errors at high and at low noise, and those of the walkers."""
        refining = self.step >= REFINE_FROM * steps
        rng = random.Random(f"diffusion {self.seed} {self.step}")
        generator = step_generator(self.seed, "diffusion", self.step)
        fresh = self.batch
        if refining:
            prompt_source.originals_share = REFINED_ORIGINALS_SHARE
            fresh -= len(self.walkers.index)
        whole = self.fresh_part(fresh, prompt_source, latents, self.step / steps, rng, generator)
        sigmas = whole[1]
        if refining:
            walking = self.walking_part(prompt_source, latents, rng, generator)
            whole = [torch.cat(both) for both in zip(whole, walking)]
        piece_size = PIECE if self.device.type == "cpu" else self.batch
        results = self.workers.map(self.gradients, zip(*(part.split(piece_size) for part in whole)))
        for parameter, *parts in zip(self.parameters, *(gradients for gradients, _, _ in results)):
            parameter.grad = sum(parts[1:], start=parts[0])
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimiser.step(rate_at(self.step, steps, decay_from=REFINE_FROM))
        self.unet_average.update(self.unet, self.step)
        self.text_average.update(self.text, self.step)
        if refining:
            self.walkers.advance(torch.cat([velocity for _, _, velocity in results])[fresh:])
        self.step += 1
        errors = torch.cat([errors for _, errors, _ in results])
        return errors[:fresh][sigmas > 0.85], errors[:fresh][sigmas <= 0.85], errors[fresh:]

    def train(self, prompt_source, latents, steps):
        time_to_save, time_to_log = Every(150), Every(60)
        recent, started, first = ([], [], []), time.monotonic(), self.step
        while self.step < steps:
            for kept, errors in zip(recent, self.train_step(prompt_source, latents, steps)):
                kept.append(errors)
            if time_to_log():
                high, low, walk = (round(torch.cat(kept).mean().nan_to_num().item(), 4) for kept in recent)
                self.run.log("diffusion", step=self.step, high=high, low=low, walk=walk,
                             seconds_a_step=round((time.monotonic() - started) / (self.step - first), 3))
                recent, started, first = ([], [], []), time.monotonic(), self.step
            if time_to_save():
                self.save()
        self.save()
