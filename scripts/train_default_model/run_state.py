"""Where a run keeps its state, and how every phase stays resumable at any second."""

import json
import os
import time
from pathlib import Path

import torch


class RunFolder:
    """Checkpoints, caches and logs of one training run."""

    def __init__(self, path):
        self.path = Path(path)
        self.path.mkdir(parents=True, exist_ok=True)

    def file(self, name):
        return self.path / name

    def save(self, name, state):
        """Write beside the target and rename, so that a kill at any moment leaves a whole file."""
        partial = self.file(name + ".partial")
        torch.save(state, partial)
        os.replace(partial, self.file(name))

    def load(self, name):
        path = self.file(name)
        return torch.load(path, map_location="cpu", weights_only=True) if path.exists() else None

    def log(self, phase, **values):
        line = json.dumps({"phase": phase, "time": time.strftime("%H:%M:%S"), **values})
        print(line, flush=True)
        with open(self.file("log.jsonl"), "a") as log:
            log.write(line + "\n")


class Every:
    """True once per so many seconds."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.last = time.monotonic()

    def __call__(self):
        if time.monotonic() - self.last < self.seconds:
            return False
        self.last = time.monotonic()
        return True


def step_generator(seed, phase, step):
    """Randomness that depends on the step alone: a resumed run draws what an unbroken one would have drawn."""
    phase_number = sum(byte << (8 * index) for index, byte in enumerate(phase.encode()[:4]))
    return torch.Generator().manual_seed((seed * 1_000_003 + phase_number) * 1_000_003 + step)


def pick_device(name):
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)
