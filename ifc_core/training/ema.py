"""A moving average of the weights."""

from __future__ import annotations

import torch
from torch import nn


class WeightAverage:
    """Exponential moving average of a model's parameters and floating-point buffers.

    The decay rises from 0 as (1 + n) / (10 + n) with the number of updates n, so that the
    first random weights are soon forgotten.

    Args:
        model: Whose weights are averaged.
        decay: Largest decay per iteration, below 1.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.tensors = {k: v.detach().clone() for k, v in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take the present weights into the average."""
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        averages, present = [], []
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                averages.append(self.tensors[name])
                present.append(value.detach())
            else:
                self.tensors[name].copy_(value)
        torch._foreach_lerp_(averages, present, 1 - decay)

    @torch.no_grad()
    def repair_buffers(self, model: nn.Module) -> None:
        """Put the average where a buffer is not finite any more.

        A batch that overflows spoils the running statistics of a live batch norm for ever, though
        the step that it led to is left out.
        """
        for name, value in model.named_buffers():
            if value.is_floating_point() and not value.isfinite().all():
                value.copy_(self.tensors[name])

    def load(self, tensors: dict[str, torch.Tensor], updates: int) -> None:
        """Go on from an average that was saved."""
        for name, value in tensors.items():
            self.tensors[name].copy_(value)
        self.updates = updates
