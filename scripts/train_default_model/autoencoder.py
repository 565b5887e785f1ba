"""Phase 1: the autoencoder that turns a 256x256 picture into 4x32x32 latents and back."""

import math
import time

import torch
from diffusers import AutoencoderKL
from torch.nn import functional

from data import on_background
from optim import Average, Optimiser, rate_at, split_for_muon
from run_state import Every, step_generator

CONFIG = {
    "in_channels": 3,
    "out_channels": 3,
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "block_out_channels": [16, 48, 96, 128],
    "layers_per_block": 1,
    "latent_channels": 4,
    "norm_num_groups": 8,
    "sample_size": 256,
    "mid_block_add_attention": False,
    "scaling_factor": 1.0,
}
CHECKPOINT = "autoencoder.pt"
WEIGHTS = "autoencoder_final.pt"
CROP = 128
# The share of steps on crops; whole pictures come last because group norm sees other statistics there.
CROP_SHARE = 0.68
KL_WEIGHT = 4e-4


def build():
    return AutoencoderKL(**CONFIG)


def crop_corner(picture, generator):
    """The busier of two random crops: most of a picture's area is background."""
    corners = torch.randint(0, picture.shape[-1] - CROP + 1, (2, 2), generator=generator).tolist()
    edges = [picture[3, y:y + CROP, x:x + CROP].float().std() + picture[:3, y:y + CROP, x:x + CROP].float().std()
             for y, x in corners]
    return corners[int(edges[1] > edges[0])]


def make_batch(pictures, count, crop, generator):
    """Pictures on white mostly, with other colours and backgrounds mixed in so that recoloured ones survive too."""
    batch = []
    for index in torch.randint(0, len(pictures), (count,), generator=generator).tolist():
        picture = pictures[index]
        if crop:
            y, x = crop_corner(picture, generator)
            picture = picture[:, y:y + CROP, x:x + CROP]
        draw = torch.rand(3, generator=generator)
        background = (255, 255, 255)
        if draw[0] < 0.15:
            background = torch.randint(0, 256, (3,), generator=generator)
        rgb = on_background(picture, background)
        if draw[1] < 0.25:
            rgb = rgb[torch.randperm(3, generator=generator)]
        if draw[2] < 0.5:
            rgb = rgb.flip(-1)
        batch.append(rgb)
    return torch.stack(batch)


def gradient_loss(output, target):
    """Edges weigh more than areas: differences of neighbours, both ways."""
    error = output - target
    return (error[..., 1:, :] - error[..., :-1, :]).abs().mean() + (error[..., 1:] - error[..., :-1]).abs().mean()


def reconstruction_loss(output, target):
    coarse = functional.avg_pool2d(output - target, 4).abs().mean()
    return (functional.l1_loss(output, target) + functional.mse_loss(output, target)
            + 0.5 * gradient_loss(output, target) + 0.5 * coarse)


def piece_gradients(model, parameters, device, target, noise):
    """Of some pictures of a batch: (mean loss by parameter, mean squared error, KL divergence)."""
    target = target.to(device, memory_format=torch.channels_last)
    with torch.autocast(device.type, torch.bfloat16):
        posterior = model.encode(target).latent_dist
        mean, log_variance = posterior.mean.float(), posterior.logvar.float()
        output = model.decode(mean + torch.exp(0.5 * log_variance) * noise.to(device)).sample.float()
    kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
    loss = reconstruction_loss(output, target) + KL_WEIGHT * kl
    return torch.autograd.grad(loss, parameters), functional.mse_loss(output, target).item(), kl.item()


def train(run, pictures, steps, device, seed, workers):
    if run.file(WEIGHTS).exists():
        return
    torch.manual_seed(seed)
    model = build().to(device, memory_format=torch.channels_last)
    parameters = list(model.parameters())
    matrices, rest = split_for_muon(model)
    optimiser = Optimiser(matrices, 3e-3, [(rest, 1.5e-3)], workers.map)
    average = Average(model, 0.995)
    step = 0
    if state := run.load(CHECKPOINT):
        model.load_state_dict(state["model"])
        average.weights = state["average"]
        optimiser.load_state_dict(state["optimiser"])
        step = state["step"]

    def save():
        run.save(CHECKPOINT, {"model": model.state_dict(), "average": average.weights,
                              "optimiser": optimiser.state_dict(), "step": step})

    time_to_save, time_to_log, started, first = Every(120), Every(30), time.monotonic(), step
    while step < steps:
        generator = step_generator(seed, "autoencoder", step)
        crop = step < CROP_SHARE * steps
        target = make_batch(pictures, 5 if crop else 2, crop, generator)
        side = target.shape[-1] // 8
        noise = torch.randn(len(target), CONFIG["latent_channels"], side, side, generator=generator)
        pieces = zip(target.split(1), noise.split(1)) if device.type == "cpu" else [(target, noise)]
        results = workers.map(lambda piece: piece_gradients(model, parameters, device, *piece), pieces)
        for parameter, *parts in zip(parameters, *(gradients for gradients, _, _ in results)):
            parameter.grad = sum(parts[1:], start=parts[0]) / len(parts)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step(rate_at(step, steps))
        average.update(model, step)
        step += 1
        if time_to_log():
            mse = sum(error for _, error, _ in results) / len(results)
            run.log("autoencoder", step=step, psnr_batch=round(6.02 - 10 * math.log10(mse), 2),
                    kl=round(results[0][2], 3), seconds_a_step=round((time.monotonic() - started) / (step - first), 3))
        if time_to_save():
            save()
    save()
    model.load_state_dict(average.weights)
    run.save(WEIGHTS, fold_statistics(model, pictures, device))


@torch.no_grad()
def encode(model, rgb, device):
    """Latent means of pictures in [-1, 1], in small batches."""
    latents = []
    for chunk in rgb.split(8):
        chunk = chunk.to(device, memory_format=torch.channels_last)
        with torch.autocast(device.type, torch.bfloat16):
            latents.append(model.encode(chunk).latent_dist.mean.float().cpu())
    return torch.cat(latents)


@torch.no_grad()
def fold_statistics(model, pictures, device):
    """Move the latents' mean and deviation into the two 1x1 convolutions beside them.

    Afterwards each latent channel has mean 0 and deviation 1 over the data, the scaling factor is 1, and the class
    is still the stock one.
    """
    model = model.eval()
    sample = torch.stack([on_background(pictures[index]) for index in range(0, len(pictures), 8)])
    latents = encode(model, sample, device)
    mean, deviation = latents.mean((0, 2, 3)).to(device), latents.std((0, 2, 3)).to(device)
    post, quant = model.post_quant_conv, model.quant_conv
    post.bias += post.weight[:, :, 0, 0] @ mean
    post.weight *= deviation[None, :, None, None]
    quant.bias[:4] = (quant.bias[:4] - mean) / deviation
    quant.weight[:4] /= deviation[:, None, None, None]
    quant.bias[4:] -= 2 * deviation.log()  # the second half is the posterior's log variance
    return {name: value.cpu() for name, value in model.state_dict().items()}


def load(run, device):
    model = build()
    model.load_state_dict(run.load(WEIGHTS))
    return model.to(device, memory_format=torch.channels_last).eval().requires_grad_(False)
