"""Iterations whose gradients are not finite: left out, counted, and too many of them refused."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ifc_core.errors import ConfigError

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

    def begin_anew(self) -> None:
        """Forget what was skipped: who goes on after a refusal does so with other settings."""
        self.total = self.in_a_row = 0


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
    then = "begin anew"
    if where.is_file():
        then = f"go on from {where}, which holds what was learnt before"
    return ConfigError(
        f"Training came to nothing at lr = {lr:g}: {reason}; set a lower one and {then}.",
        name="lr",
        value=lr,
    )
