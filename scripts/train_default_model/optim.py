"""Optimiser, weight averaging and rate schedule shared by every training phase."""

import torch


def orthogonalise(matrices, iterations=5):
    """Newton-Schulz: push the singular values of a batch of matrices towards one.

    The quintic's coefficients trade exactness for speed; values between 0.7 and 1.2 are as good as one here.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrices.to(torch.bfloat16)
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(iterations):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return (x.mT if tall else x).float()


class Muon(torch.optim.Optimizer):
    """Momentum whose update is orthogonalised; for weights that act as matrices (convolutions are flattened).

    Equal shapes are stacked, so that the many small products of a small network become a few batched ones.
    """

    def __init__(self, params, lr, momentum=0.95, parallel=map):
        """`parallel` may run the shapes of one step side by side."""
        super().__init__(params, {"lr": lr, "momentum": momentum})
        self.parallel = parallel

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            by_shape = {}
            for param in group["params"]:
                if param.grad is None:
                    continue
                state = self.state[param]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(param.grad)
                state["momentum"].lerp_(param.grad, 1 - group["momentum"])
                update = param.grad.lerp(state["momentum"], group["momentum"])
                by_shape.setdefault((param.shape[0], param[0].numel()), []).append((param, update))
            stacks = [torch.stack([update.reshape(shape) for _, update in members])
                      for shape, members in by_shape.items()]
            for (shape, members), updates in zip(by_shape.items(), self.parallel(orthogonalise, stacks)):
                # Brings the update's element size near that of Adam, so both optimisers live with one rate.
                scale = 0.2 * max(shape) ** 0.5
                for (param, _), update in zip(members, updates):
                    param.add_(update.reshape(param.shape), alpha=-group["lr"] * scale)


class Optimiser:
    """Muon for matrices and AdamW for the rest, driven by one rate multiplier."""

    def __init__(self, muon_params, muon_lr, adam_groups, parallel=map):
        """`adam_groups` is a list of (parameters, rate)."""
        self.parts = [torch.optim.AdamW([{"params": list(params), "lr": lr} for params, lr in adam_groups],
                                        betas=(0.9, 0.98), weight_decay=0.0)]
        if muon_params:
            self.parts.append(Muon(muon_params, muon_lr, parallel=parallel))
        self.base_rates = [[group["lr"] for group in part.param_groups] for part in self.parts]

    def step(self, rate_multiplier):
        for part, rates in zip(self.parts, self.base_rates):
            for group, rate in zip(part.param_groups, rates):
                group["lr"] = rate * rate_multiplier
            part.step()
            part.zero_grad(set_to_none=True)

    def state_dict(self):
        return [part.state_dict() for part in self.parts]

    def load_state_dict(self, states):
        for part, state in zip(self.parts, states):
            part.load_state_dict(state)


def split_for_muon(model):
    """(matrices, rest): embeddings, the first and the last layer are not matrices in Muon's sense."""
    matrices, rest = [], []
    for name, param in model.named_parameters():
        edge = any(part in name for part in ("embeddings", "conv_in", "conv_out", "quant_conv"))
        (rest if edge or param.ndim < 2 else matrices).append(param)
    return matrices, rest


def rate_at(step, total, warm_up=50, decay_from=0.5):
    """Warm-up, a constant stretch, then a straight line down to a twentieth at the end."""
    progress = step / total
    decay = 1.0 if progress < decay_from else max(0.05, (1 - progress) / (1 - decay_from))
    return min(1.0, (step + 1) / warm_up) * decay


class Average:
    """Exponential moving average of the weights; what is evaluated and exported."""

    def __init__(self, model, decay):
        self.decay = decay
        self.weights = {name: value.detach().clone() for name, value in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model, step):
        # A young average follows quickly, or it would remember the random start for long.
        decay = min(self.decay, (step + 1) / (step + 10))
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                self.weights[name].lerp_(value, 1 - decay)
            else:
                self.weights[name].copy_(value)
