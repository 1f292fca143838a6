"""What one iteration of a training came to, and the log of them."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ifc_core.io.atomic import atomic_output

LOG_NAME = "log.jsonl"


@dataclass(frozen=True, slots=True)
class StepReport:
    """One finished iteration.

    Attributes:
        iteration: From 0.
        iterations: Of the whole run.
        stage: Number of the stage.
        loss: Weighted sum of all terms.
        terms: Unweighted terms by name.
        matched_iou: Mean space-time IoU of the last layer's pairs, NaN without pairs.
        learning_rate: Of the transformer.
        gradient_norm: Before clipping.
        clips_per_second: Of this iteration, over all processes.
        skipped: Iterations of the run so far that changed nothing, since their gradients were
            not finite.
        damaged: Pictures that this process met so far and that cannot be decoded.
    """

    iteration: int
    iterations: int
    stage: int
    loss: float
    terms: dict[str, float]
    matched_iou: float
    learning_rate: float
    gradient_norm: float
    clips_per_second: float
    skipped: int = 0
    damaged: int = 0


def append_to_log(folder: Path, report: StepReport) -> None:
    """Add what an iteration came to to a run's log.

    Args:
        folder: The run's output folder.
        report: Of the iteration.
    """
    append_line(folder, asdict(report))


def append_line(folder: Path, figures: Mapping[str, Any]) -> None:
    """Add a line of JSON to a run's log; a number that is none becomes ``null``.

    Args:
        folder: The run's output folder.
        figures: Of an iteration, which they name; the time comes by itself.
    """
    line = {k: _rounded(v) for k, v in figures.items()} | {"time": round(time.time(), 1)}
    with (folder / LOG_NAME).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def forget_log_from(folder: Path, iteration: int) -> None:
    """Take the lines of iterations that are done again out of a run's log.

    A run that was killed goes on from its last checkpoint, and its log may go further than that.
    A line that was cut off goes too.

    Args:
        folder: The run's output folder; it may hold no log.
        iteration: The first one that is done again.

    Raises:
        OutputError: The log cannot be written.
    """
    path = folder / LOG_NAME
    if not path.is_file():
        return
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    kept = [line for line in lines if line.endswith("\n") and _iteration_of(line) < iteration]
    if len(kept) < len(lines):
        with atomic_output(path) as temporary:
            temporary.write_text("".join(kept), encoding="utf-8")


def _iteration_of(line: str) -> float:
    """The iteration of a line of the log, infinite where it is none."""
    try:
        return int(json.loads(line)["iteration"])
    except (ValueError, LookupError, TypeError):
        return math.inf


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    if isinstance(value, float):
        return float(f"{value:.5g}") if math.isfinite(value) else None
    return value
