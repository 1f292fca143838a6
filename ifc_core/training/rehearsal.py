"""The old task: generated clips that a fine-tuning rehearses and is asked for again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from ifc_core.data.clip_source import ClipRequest, ClipSource
from ifc_core.data.sample import ClipSample
from ifc_core.data.synthetic.spec import Difficulty, World
from ifc_core.models.ifc import IFC
from ifc_core.training.held_out import assigned_ious, confident_masks
from ifc_core.training.judging import FrameCount
from ifc_core.training.old_task import OldTask
from ifc_core.training.sources import SyntheticSource

NUM_CLIPS = 6
NUM_FRAMES = 3
"""Of each clip that is asked for."""

DIFFICULTIES: dict[World, tuple[Difficulty, ...]] = {
    "things": ("easy", "medium"),
    "cells": ("easy", "medium", "hard"),
}
"""Of the clips that are rehearsed: crowds belong to what a model of cells knew."""

_FIELDS: dict[World, dict[str, Any]] = {"things": {}, "cells": {"max_objects": 80}}


def rehearsal_source(seed: int, task: OldTask, class_names: Sequence[str]) -> RelabelledSource:
    """Generated clips of an old task, labelled as a model of these classes has it."""
    return RelabelledSource(_clips(seed, task.world), class_names.index(task.class_name))


def _clips(seed: int, world: World) -> SyntheticSource:
    return SyntheticSource(seed, (("world", world), *_FIELDS[world].items()))


@dataclass(frozen=True, slots=True)
class RelabelledSource:
    """Generated clips whose one class has another number in the model that rehearses them.

    Attributes:
        source: Of the clips, all of class 0.
        label: The number of that class in the model.
    """

    source: ClipSource
    label: int

    def __call__(self, request: ClipRequest) -> ClipSample:
        """The clip of a request."""
        clip = self.source(request)
        return replace(clip, labels=clip.labels + self.label)


@torch.inference_mode()
def rehearsal_score(
    model: IFC,
    world: World,
    seed: int,
    count: FrameCount | None = None,
    num_clips: int = NUM_CLIPS,
) -> float:
    """Mean J on generated clips that no training uses: what is left of the old task.

    Args:
        model: The network.
        world: Of the clips.
        seed: Of the clips.
        count: Is told of each clip's frames, and may stop it.
        num_clips: How many.

    Returns:
        0 to 1; each object of a frame is compared with the confident mask assigned to it.
    """
    source = _clips(seed ^ 0x5EED, world)
    shown = ("easy",) if world == "things" else DIFFICULTIES[world]
    training = model.training
    model.eval()
    ious: list[float] = []
    for number in range(num_clips):
        difficulty = shown[number % len(shown)]
        clip = source(ClipRequest(number, NUM_FRAMES, 128, 224, difficulty))
        output = model(model.normalize(clip.frames)[None], aux=False)
        for t in range(len(clip.frames)):
            truth = [mask[t] for mask in clip.masks if mask[t].any()]
            if truth:
                size, same = clip.frames.shape[1:3], model.preferences.duplicate_iou
                prediction = confident_masks(output, t, size, same)
                ious += assigned_ious(prediction, truth).tolist()
        if count is not None:
            count.add(NUM_FRAMES)
    model.train(training)
    return sum(ious) / max(1, len(ious))
