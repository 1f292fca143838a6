"""Iterations whose gradients are not finite: left out, counted, and too many of them refused."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from ifc_core.errors import CheckpointError, ConfigError
from ifc_core.training.ema import WeightAverage

MOST_IN_A_ROW = 50
"""So many in a row never end by themselves: mixed precision finds its scale within twenty."""

MOST_SHARE = 0.2
"""Of a run's iterations; a short run may skip :data:`MOST_IN_SHORT_RUNS` all the same."""

MOST_IN_SHORT_RUNS = 20


@dataclass(slots=True)
class SkippedSteps:
    """Counts the iterations of a run that changed nothing.

    Attributes:
        total: In the whole run, over stops and resumptions.
        in_a_row: Since the last iteration that changed the weights.
    """

    total: int = 0
    in_a_row: int = 0

    def count(self, *, was_skipped: bool) -> None:
        """Take in one iteration."""
        self.total += was_skipped
        self.in_a_row = self.in_a_row + 1 if was_skipped else 0

    def why_stop(self, done: int, iterations: int) -> str:
        """Why the run is of no use, or an empty text.

        Args:
            done: Iterations of the run so far, the skipped ones included.
            iterations: Of the whole run.
        """
        if self.in_a_row >= MOST_IN_A_ROW:
            return f"the gradients of {self.in_a_row} iterations in a row were not finite"
        too_many = self.total > max(MOST_IN_SHORT_RUNS, MOST_SHARE * iterations)
        if too_many or (done == iterations and self.total == done):
            return f"the gradients of {self.total} of {done} iterations were not finite"
        return ""

    def __str__(self) -> str:
        """How many, to be put after what progress says; empty where there are none."""
        return f", {self.total} skipped" if self.total else ""

    def stop_if_diverged(
        self,
        done: int,
        iterations: int,
        state: Path,
        save: Callable[[], object],
        *,
        lr: float,
        is_main: bool,
        finds_scale: bool = False,
    ) -> None:
        """End a run that changes nothing any more; all processes count the same iterations.

        What was learnt is kept, and a state in which nothing was learnt deleted: gone on from, it
        would end at once. Who goes on does so with other settings, so the count begins anew.

        Args:
            done: Iterations of the run so far, the skipped ones included.
            iterations: Of the whole run.
            state: Its checkpoint.
            save: Writes that checkpoint.
            lr: Learning rate of the settings.
            is_main: Whether this process writes files.
            finds_scale: Whether the first iterations look for the scale of gradients in fp16.

        Raises:
            ConfigError: The run is of no use.
        """
        reason = self.why_stop(done, iterations)
        if not reason:
            return
        has_learnt = self.total < done
        self.total = self.in_a_row = 0
        if has_learnt:
            with suppress(CheckpointError):  # not finite: the earlier state is the better one
                save()
        elif is_main:
            state.unlink(missing_ok=True)
        if finds_scale and not has_learnt and done < MOST_IN_A_ROW:
            raise without_scale(done)
        raise diverged(reason, lr, state)


def take_step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    clip_norm: float,
    skipped: SkippedSteps,
    average: WeightAverage | None,
    scaler: torch.amp.GradScaler | None = None,
) -> float:
    """Clip the gradients, step and average; leave the step out where they are not finite.

    Args:
        model: Whose gradients there are.
        optimizer: Of it.
        clip_norm: Largest norm of the gradients, infinite for any.
        skipped: Takes in the iteration.
        average: Of the weights, where one is kept.
        scaler: Of the gradients in fp16.

    Returns:
        The norm before clipping.
    """
    if scaler is not None:
        scaler.unscale_(optimizer)
    trained = [p for group in optimizer.param_groups for p in group["params"]]
    norm = float(torch.nn.utils.clip_grad_norm_(trained, clip_norm).item())
    is_finite = norm < float("inf")
    skipped.count(was_skipped=not is_finite)
    if scaler is not None and scaler.is_enabled():
        scaler.step(optimizer)  # which leaves it out by itself
        scaler.update()
    elif is_finite:
        optimizer.step()
    if average is not None:
        if not is_finite:
            average.repair_buffers(model)
        average.update(model)
    return norm


def without_scale(done: int) -> ConfigError:
    """The error of a run in fp16 that ended while it looked for the scale of its gradients.

    Args:
        done: Iterations of the run, all of them skipped.
    """
    return ConfigError(
        f"All {done} iterations went into finding a scale for gradients in fp16, which takes up "
        f"to twenty, so nothing was learnt; give {2 * MOST_IN_SHORT_RUNS} iterations or more, or "
        "another precision (bf16 or fp32), and begin anew.",
        name="precision",
        value="fp16",
    )


def diverged(reason: str, lr: float, where: Path) -> ConfigError:
    """The error of a run that skips too many iterations.

    Args:
        reason: From :meth:`SkippedSteps.why_stop`.
        lr: Learning rate of the settings.
        where: File that holds what was learnt before, if there was time for any.
    """
    return ConfigError(
        f"Training came to nothing at lr = {lr:g}: {reason}; set a lower one and "
        f"{how_to_go_on(where)}.",
        name="lr",
        value=lr,
    )


def how_to_go_on(where: Path) -> str:
    """What to do after a training that came to nothing.

    Args:
        where: File that holds what was learnt before, if there was time for any.
    """
    if where.is_file():
        return f"go on from {where}, which holds what was learnt before"
    return "begin anew"
