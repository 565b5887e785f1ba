"""Threads that share a CPU step: each takes the next piece of a batch, so that a core which is busy elsewhere does less."""

from concurrent.futures import ThreadPoolExecutor

import torch


class Workers:
    """Every thread computes alone: inside a piece OpenMP would make each small layer wait for the slower core."""

    def __init__(self, count):
        self.count = count
        self.pool = ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,))

    def map(self, function, pieces):
        """Results in the order of the pieces, whoever computed them."""
        return list(self.pool.map(function, pieces))
