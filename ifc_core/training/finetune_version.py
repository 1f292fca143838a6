"""Writing the model version that a fine-tuning made."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ifc_core.data.labelled_video import LabelledVideo
from ifc_core.errors import CheckpointError
from ifc_core.models.checkpoint import CheckpointInfo, read_checkpoint_info, write_checkpoint
from ifc_core.models.ifc import IFC
from ifc_core.models.names import model_file
from ifc_core.training.ancestry import HISTORY
from ifc_core.training.class_head import OBJECT
from ifc_core.training.finetune_plan import FinetunePlan
from ifc_core.training.finetune_settings import MAX_NAME_BYTES, HeldOutScore
from ifc_core.training.frame_ranges import FrameRange, first_ones, joined, to_ranges
from ifc_core.training.old_task import CLASS_KEY, WORLD_KEY, first_world
from ifc_core.training.project_classes import CATEGORY_IDS
from ifc_core.version import __version__

_MOST_LETTERS = 300_000
"""Of what is said of frames, twice: a file that is too long is refused, after all the training."""


def write_version(
    plan: FinetunePlan,
    trained: IFC,
    before: HeldOutScore,
    after: HeldOutScore,
    iterations: int,
    share: float,
) -> tuple[Path, CheckpointInfo]:
    """Write the new model into the project's folder, with where it comes from.

    Args:
        plan: Of the run.
        trained: With the classes of the version.
        before: Of the parent on the held-out frames.
        after: Of the new model.
        iterations: Done.
        share: Of the trained weights.

    Returns:
        The file and what it says of itself.

    Raises:
        OutputError: It cannot be written.
    """
    model = trained.cpu()
    folder = plan.project_folder / "models"
    folder.mkdir(parents=True, exist_ok=True)
    preferences = replace(
        plan.parent.preferences,
        short_side=plan.preset.short_side,
        score_threshold=model.preferences.score_threshold,
        edges=model.preferences.edges,
    )
    info = CheckpointInfo(
        model.config,
        model.categories,
        preferences,
        provenance={
            "parent": plan.parent_name,
            "parent_sha256": getattr(plan.parent, "sha256", ""),
            WORLD_KEY: first_world(plan.parent),
            CLASS_KEY: _old_class(plan, model),
            "project": plan.snapshot.project,
            "run": plan.settings.run_id,
            "trained_on": joined(_frames_by_video(plan.split.training), _MOST_LETTERS),
            "held_out": _ranges_by_video(plan.split.held_out),
            HISTORY: plan.ancestry.with_split(plan.split),
            CATEGORY_IDS: _ids_of(plan, model),
            "settings": plan.settings.to_json(),
            "iterations": iterations,
            "trained_share": share,
            "metrics": {"before": _plain(before), "after": _plain(after)},
            "program_version": __version__,
            "created_at": time.time(),
        },
    )
    path = model_file(folder, _free_name(plan, folder))
    return path, write_checkpoint(path, info, model.state_dict(), "fp16")


def _old_class(plan: FinetunePlan, model: IFC) -> str:
    """What the class of the generated world is called in a version; empty where it has gone."""
    name = "" if plan.old_task is None else plan.old_task.class_name
    return name if name in {category.name for category in model.categories} else ""


def _ids_of(plan: FinetunePlan, model: IFC) -> dict[str, int]:
    """Of "object" none: whatever the project calls so, the class is the parent's."""
    names = {category.name for category in model.categories} - {OBJECT}
    return {name: key for name, key in plan.category_ids.items() if name in names}


def _frames_by_video(videos: Sequence[LabelledVideo]) -> dict[str, tuple[int, ...]]:
    return {video.name: video.labelled_frames for video in videos}


def _ranges_by_video(videos: Sequence[LabelledVideo]) -> dict[str, list[FrameRange]]:
    """Where there are too many to keep, fewer count as kept aside, never more."""
    ranges = {name: to_ranges(frames) for name, frames in _frames_by_video(videos).items()}
    return first_ones(ranges, _MOST_LETTERS)


def _plain(score: HeldOutScore) -> dict[str, float | int | None]:
    mean_j = None if score.mean_j != score.mean_j else score.mean_j
    return {"num_masks": score.num_masks, "mean_j": mean_j, "ap": score.ap}


def _free_name(plan: FinetunePlan, folder: Path) -> str:
    """The name that was asked for, or one made of the project's, not in use yet."""
    wanted = plan.settings.name or "".join(
        c if c.isalnum() or c in "-_" else "-" for c in plan.snapshot.project
    )
    if plan.settings.name and _is_free(plan, folder, wanted):
        return wanted
    short = wanted.encode()[:MAX_NAME_BYTES]  # a name of a project takes all that a file may have
    wanted, number = short.decode(errors="ignore"), 1
    while not _is_free(plan, folder, f"{wanted}-{number}"):
        number += 1
    return f"{wanted}-{number}"


def _is_free(plan: FinetunePlan, folder: Path, name: str) -> bool:
    """Whether a name is free; what this run itself wrote before it was cut off is written anew."""
    if name in plan.snapshot.model_names:
        return False
    file = model_file(folder, name)
    if not file.exists():
        return True
    try:
        return read_checkpoint_info(file).provenance.get("run") == plan.settings.run_id
    except CheckpointError:
        return False
