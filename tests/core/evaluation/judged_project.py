"""A small project with approved frames, and runs that propose on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ifc_core.annotation import Project, StagedInstance, StagedMask
from ifc_core.structures import RLEMask

SIZE = (40, 60)
NUM_FRAMES = 6


def box(left: int) -> RLEMask:
    """A square of 10 pixels."""
    mask = np.zeros(SIZE, dtype=bool)
    mask[10:20, left : left + 10] = True
    return RLEMask.from_array(mask)


def propose(
    project: Project,
    instances: dict[tuple[str, float], dict[int, int]],
    model: str = "toy",
    settings: Mapping[str, Any] | None = None,
) -> int:
    """A run: (label, score) of each instance -> frame -> left edge."""
    run = project.begin_run("propose", 1, settings or {}, model=model)
    for frame in range(NUM_FRAMES):
        masks = [
            StagedMask(number, box(lefts[frame]))
            for number, lefts in enumerate(instances.values())
            if frame in lefts
        ]
        project.stage(run, frame, masks)
    heads = [StagedInstance(n, label, score) for n, (label, score) in enumerate(instances)]
    project.stage_instances(run, heads)
    project.finish_run(run)
    return run


def everywhere(left: int) -> dict[int, int]:
    return dict.fromkeys(range(NUM_FRAMES), left)
