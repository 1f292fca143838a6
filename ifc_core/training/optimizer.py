"""Which parameters are trained, and how fast."""

from __future__ import annotations

import torch
from torch import nn

from ifc_core.training.config import OptimizerConfig


def make_optimizer(
    model: nn.Module, config: OptimizerConfig, guide: nn.Module | None = None
) -> torch.optim.AdamW:
    """AdamW with one group for the backbone and one for the rest.

    Args:
        model: Its parameters under ``backbone.`` get ``backbone_lr``; those that need no
            gradient are left out.
        config: Settings.
        guide: Module that only training has; it learns at the rate of the transformer.

    Returns:
        The optimizer; each group holds the ``names`` of its parameters and its ``base_lr``.
    """
    if config.backbone_lr == 0:
        for name, parameter in model.named_parameters():
            if name.startswith("backbone."):
                parameter.requires_grad_(False)
    trained = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    groups = []
    for is_backbone, lr in ((False, config.lr), (True, config.backbone_lr)):
        members = [(n, p) for n, p in trained if n.startswith("backbone.") == is_backbone]
        if members:
            names, parameters = zip(*members, strict=True)
            groups.append({"params": list(parameters), "names": list(names), "base_lr": lr})
    if guide is not None:
        parameters = tuple(guide.parameters())
        names = tuple(f"guide.{name}" for name, _ in guide.named_parameters())
        groups.append({"params": list(parameters), "names": list(names), "base_lr": config.lr})
    device = trained[0][1].device.type
    return torch.optim.AdamW(
        groups, lr=config.lr, weight_decay=config.weight_decay, fused=device in ("cpu", "cuda")
    )


def set_learning_rate(optimizer: torch.optim.Optimizer, factor: float) -> float:
    """Scale every group's ``base_lr`` by a factor.

    Returns:
        The learning rate of the first group.
    """
    for group in optimizer.param_groups:
        group["lr"] = group["base_lr"] * factor
    return float(optimizer.param_groups[0]["lr"])


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """The optimizer's state as tensors named ``KIND/PARAMETER``."""
    tensors = {}
    for group in optimizer.param_groups:
        for name, parameter in zip(group["names"], group["params"], strict=True):
            for kind, value in optimizer.state.get(parameter, {}).items():
                tensors[f"{kind}/{name}"] = torch.as_tensor(value).detach().cpu()
    return tensors


def load_optimizer_tensors(
    optimizer: torch.optim.Optimizer, tensors: dict[str, torch.Tensor]
) -> None:
    """Put back what :func:`optimizer_tensors` gave; parameters it lacks start anew.

    Moments take the memory layout of their parameter: a fused step walks both in memory order.
    """
    for group in optimizer.param_groups:
        for name, parameter in zip(group["names"], group["params"], strict=True):
            state = {
                key.split("/", 1)[0]: value
                for key, value in tensors.items()
                if key.split("/", 1)[1] == name
            }
            if state:
                optimizer.state[parameter] = {
                    kind: _laid_out_like(parameter, value) for kind, value in state.items()
                }


def _laid_out_like(parameter: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    if value.shape != parameter.shape:
        return value.to(parameter.device, copy=True)  # the step counter
    return torch.empty_like(parameter, requires_grad=False).copy_(value)
