"""The reference's schedulers as numbers: tables, whole trajectories, and latents of the tiny model.

The timesteps and sigmas of a table are those of all STEPS, one behind the other. A trajectory paints
with a stand-in for the denoiser that rounds in the same way everywhere, so that both sides compute it.
"""
import json

import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    LCMScheduler,
    PNDMScheduler,
    TCDScheduler,
)

from golden.common import save

STEPS = [*range(1, 51), 61, 103]
SPACINGS = ("leading", "trailing", "linspace")
LATENTS = (1, 4, 3, 5)
MANY = 6  # steps of a trajectory that is kept whole; of the others the end is
OTHERS = (1, 2, 3, 20)

CLASSES = {
    "euler": EulerDiscreteScheduler,
    "euler_ancestral": EulerAncestralDiscreteScheduler,
    "ddim": DDIMScheduler,
    "lcm": LCMScheduler,
    "dpmpp_2m": DPMSolverMultistepScheduler,
    "dpmpp_2m_karras": DPMSolverMultistepScheduler,
    "tcd": TCDScheduler,
    "pndm": PNDMScheduler,
}
OWN = {"ddim": dict(clip_sample=False), "pndm": dict(skip_prk_steps=True),
       "dpmpp_2m_karras": dict(use_karras_sigmas=True)}
WITH_SIGMAS = ("euler", "euler_ancestral", "dpmpp_2m", "dpmpp_2m_karras")


def make_scheduler(name, **changes):
    config = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1)
    return CLASSES[name](**(config | OWN.get(name, {}) | changes))


def config_of(scheduler):
    """As the reference saves it, with the infinity that JSON lacks as a string."""
    return json.loads(scheduler.to_json_string(), parse_constant=str)


def set_timesteps(scheduler, steps):
    """Without the timestep -1 by which rounding makes a few trailing tables too long."""
    scheduler.set_timesteps(steps)
    timesteps, sigmas = scheduler.timesteps, getattr(scheduler, "sigmas", None)
    if scheduler.config.timestep_spacing == "trailing" and (timesteps == -1).any():
        assert steps in (61, 103) and timesteps[-1] == -1
        timesteps = timesteps[:-1]
        if sigmas is not None:
            sigmas = torch.cat([sigmas[:-2], sigmas[-1:]])
    return timesteps.float(), sigmas


def table(scheduler, steps):
    made = [set_timesteps(scheduler, n) for n in steps]
    return [torch.cat(column) if column[0] is not None else None for column in zip(*made)]


def make_tables():
    cases = [(f"{name}.{spacing}", make_scheduler(name, timestep_spacing=spacing))
             for name in ("euler", "euler_ancestral", "ddim", "pndm", "dpmpp_2m")
             for spacing in SPACINGS]
    cases += [(name, make_scheduler(name)) for name in ("dpmpp_2m_karras", "lcm", "tcd")]
    cases += [
        ("euler.karras", make_scheduler("euler", use_karras_sigmas=True)),
        ("euler.sigma_min", make_scheduler("euler", final_sigmas_type="sigma_min")),
        ("euler.zero_snr", make_scheduler("euler", rescale_betas_zero_snr=True,
                                          timestep_spacing="trailing")),
        ("dpmpp_2m_karras.cosine", make_scheduler("dpmpp_2m_karras",
                                                  beta_schedule="squaredcos_cap_v2")),
        ("ddim.1100", make_scheduler("ddim", num_train_timesteps=1100, steps_offset=0)),
        ("lcm.25", make_scheduler("lcm", original_inference_steps=25)),
    ]
    tensors, configs = {}, {}
    for name, scheduler in cases:
        steps = STEPS
        if "original_inference_steps" in scheduler.config:
            steps = [n for n in STEPS if n <= scheduler.config.original_inference_steps]
        if "." in name and name.split(".")[1] not in SPACINGS:
            steps = [n for n in steps if n in (1, 2, 3, 4, 7, 8, 13, 25, 50)]
        timesteps, sigmas = table(scheduler, steps)
        configs[name] = config_of(scheduler) | {"_steps": steps}
        tensors[f"timesteps.{name}"] = timesteps
        if name.split(".")[0] in WITH_SIGMAS:
            tensors[f"sigmas.{name}"] = sigmas
        if name.startswith("euler"):
            scales = []
            for n in steps:
                scheduler.set_timesteps(n)
                scales.append(scheduler.init_noise_sigma)
            tensors[f"initial_scale.{name}"] = torch.stack(scales)
    for one, other in (("tcd", "lcm"), *((f"euler_ancestral.{s}", f"euler.{s}") for s in SPACINGS)):
        for kind in ("timesteps", "sigmas", "initial_scale"):
            if f"{kind}.{one}" in tensors:
                assert torch.equal(tensors.pop(f"{kind}.{one}"), tensors[f"{kind}.{other}"])
        configs[one]["_table"] = other
    return tensors, configs


def make_alphas():
    tensors, configs = {}, {}
    for curve in ("linear", "scaled_linear", "squaredcos_cap_v2"):
        for rescaled in (False, True):
            scheduler = make_scheduler("ddim", beta_schedule=curve, rescale_betas_zero_snr=rescaled)
            name = f"alphas.{curve}.{'rescaled' if rescaled else 'plain'}"
            tensors[name], configs[name] = scheduler.alphas_cumprod, config_of(scheduler)
    return tensors, configs


def stand_in(latents, timestep):
    return latents / (1 + latents.abs()) * (0.25 + timestep.float() / 2000)


def trajectory(scheduler, steps, seed, eta):
    generator = torch.Generator().manual_seed(seed)
    scheduler.set_timesteps(steps)
    latents = torch.randn(LATENTS, generator=generator) * scheduler.init_noise_sigma
    options = {} if eta is None else {"eta": eta}
    if not isinstance(scheduler, PNDMScheduler):
        options["generator"] = generator
    states = [latents]
    for timestep in scheduler.timesteps:
        prediction = stand_in(scheduler.scale_model_input(latents, timestep), timestep)
        latents = scheduler.step(prediction, timestep, latents, **options).prev_sample
        states.append(latents)
    return torch.cat(states)


def trajectory_cases():
    for name in CLASSES:
        kinds = ("epsilon", "v_prediction", "sample")
        for kind in kinds[:2] if name in ("euler_ancestral", "pndm") else kinds:
            yield f"{name}.{kind}", name, dict(prediction_type=kind), None
    for name in ("euler", "euler_ancestral", "ddim", "pndm", "dpmpp_2m"):
        for spacing in ("trailing", "linspace"):
            yield f"{name}.{spacing}", name, dict(timestep_spacing=spacing), None
    for name in ("euler", "dpmpp_2m"):
        yield f"{name}.sigma_min", name, dict(final_sigmas_type="sigma_min"), None
        yield f"{name}.zero_snr", name, dict(rescale_betas_zero_snr=True,
                                             prediction_type="v_prediction",
                                             timestep_spacing="trailing"), None
    yield "euler.karras", "euler", dict(use_karras_sigmas=True), None
    yield "dpmpp_2m.second_order_end", "dpmpp_2m", dict(final_sigmas_type="sigma_min",
                                                        lower_order_final=False), None
    yield "dpmpp_2m.euler_end", "dpmpp_2m", dict(final_sigmas_type="sigma_min", euler_at_final=True,
                                                 lower_order_final=False), None
    for name in ("ddim", "lcm"):
        yield f"{name}.clipped", name, dict(clip_sample=True, clip_sample_range=0.5), None
    yield "lcm.scaled", "lcm", dict(timestep_scaling=0.01), None
    for kind in ("epsilon", "v_prediction"):
        yield f"ddim.eta.{kind}", "ddim", dict(prediction_type=kind), 0.6
    yield "ddim.alpha_one", "ddim", dict(set_alpha_to_one=True), None
    yield "ddim.alpha_first", "ddim", dict(set_alpha_to_one=False), None
    yield "pndm.alpha_one", "pndm", dict(set_alpha_to_one=True), None
    for kind in ("epsilon", "v_prediction", "sample"):
        yield f"tcd.eta.{kind}", "tcd", dict(prediction_type=kind), 0.3
    yield "tcd.eta_one", "tcd", {}, 1.0


def make_trajectories():
    tensors, configs = {}, {}
    for seed, (case, name, changes, eta) in enumerate(trajectory_cases(), 100):
        # The reference's step() of TCD has another default than its pipelines.
        eta = 0.0 if name == "tcd" and eta is None else eta
        configs[case] = {"name": name, "seed": seed, "eta": eta or 0.0,
                         "config": config_of(make_scheduler(name, **changes))}
        for steps in (MANY, *OTHERS):
            states = trajectory(make_scheduler(name, **changes), steps, seed, eta)
            tensors[f"{case}.{steps}"] = states if steps == MANY else states[-1:]
    return tensors, configs


def make_images(reference):
    """Four steps of the tiny AltDiffusion with some of them: the latents at the end."""
    tensors, configs = {}, {}
    embeds = reference.embeds("a red apple")
    for name in ("euler_ancestral", "lcm", "pndm"):
        scheduler = make_scheduler(name, prediction_type="v_prediction")
        generator = torch.Generator().manual_seed(42)
        scheduler.set_timesteps(4)
        latents = torch.randn((1, 4, 8, 8), generator=generator) * scheduler.init_noise_sigma
        options = {} if name == "pndm" else {"generator": generator}
        for timestep in scheduler.timesteps:
            shown = scheduler.scale_model_input(latents, timestep)
            prediction = reference.unet(shown, timestep, embeds).sample
            latents = scheduler.step(prediction, timestep, latents, **options).prev_sample
        tensors[name], configs[name] = latents[0], config_of(scheduler)
    return tensors, configs


def make(reference, out):
    parts = {"tables": make_tables(), "alphas": make_alphas(),
             "trajectories": make_trajectories(), "images": make_images(reference)}
    for name, (tensors, configs) in parts.items():
        save(out / f"{name}.safetensors", tensors)
        lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in configs.items()]
        (out / f"{name}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
