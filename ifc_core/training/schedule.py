"""The learning rate as a pure function of the iteration."""

from __future__ import annotations

import math

from ifc_core.training.config import OptimizerConfig


def lr_factor(config: OptimizerConfig, iteration: int, iterations: int) -> float:
    """What the learning rates are multiplied with at an iteration.

    Args:
        config: Of the optimizer.
        iteration: From 0.
        iterations: Of the whole run.

    Returns:
        0 to 1.
    """
    warmup = config.warmup_iterations
    rise = min(1.0, (iteration + 1) / (warmup + 1)) if warmup else 1.0
    return rise * _decay(config, iteration, iterations)


def _decay(config: OptimizerConfig, iteration: int, iterations: int) -> float:
    if config.schedule == "constant":
        return 1.0
    if config.schedule == "step":
        passed = sum(iteration >= step for step in config.decay_steps)
        return float(config.decay_factor**passed)
    start = config.cosine_start * iterations
    if iteration <= start:
        return 1.0
    position = min(1.0, (iteration - start) / max(1.0, iterations - start))
    low = config.final_factor
    return low + (1 - low) * 0.5 * (1 + math.cos(math.pi * position))
