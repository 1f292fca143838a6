"""What the effort bench asks of a network: proposals to start from, and quick fine-tuning."""

from __future__ import annotations

import copy
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from ifc_core.annotation.snapshot import Snapshot
from ifc_core.data.labelled_video import FrameStore, LabelledTrack, LabelledVideo
from ifc_core.evaluation.effort import Masks
from ifc_core.inference.predictor import predict_video
from ifc_core.inference.settings import ProposeSettings
from ifc_core.io.video import VideoReader
from ifc_core.jobs import JobContext
from ifc_core.models.ifc import IFC
from ifc_core.structures import RLEMask
from ifc_core.training.class_head import OBJECT
from ifc_core.training.finetune import make_trainer, training_source
from ifc_core.training.finetune_plan import FinetunePlan
from ifc_core.training.finetune_settings import FinetuneSettings
from ifc_core.training.held_out_split import Split


def proposed_track(
    model: IFC, reader: VideoReader, truth: Mapping[int, RLEMask | None]
) -> dict[int, RLEMask | None]:
    """The proposed track that a person would take for an object: the one that overlaps it most.

    Args:
        model: The network.
        reader: The clip.
        truth: True mask of each frame.

    Returns:
        A mask or ``None`` for every frame; all ``None`` where nothing overlaps.
    """
    count = reader.video.num_frames
    tracks: defaultdict[int, dict[int, RLEMask]] = defaultdict(dict)
    settings = ProposeSettings(precision="fp32", device="cpu")
    frames = ((i, reader.read(i)) for i in range(count))
    for result in predict_video(model, frames, settings, num_frames=count):
        for mask in result.masks:
            tracks[mask.instance_id][result.frame_index] = mask.rle
    best: dict[int, RLEMask] = {}
    best_overlap = 0.0
    for masks in tracks.values():
        pairs = [(masks[f], true) for f, true in truth.items() if true is not None and f in masks]
        overlap = sum(first.iou(second) for first, second in pairs)
        if overlap > best_overlap:
            best, best_overlap = masks, overlap
    return {frame: best.get(frame) for frame in range(count)}


def finetuned(model: IFC, reader: VideoReader, known: Masks, iterations: int, seed: int = 0) -> IFC:
    """A copy of a model that learnt from corrected frames with the preset ``quick``.

    Args:
        model: The parent; it is not changed.
        reader: The clip.
        known: Corrected frames and their masks, all that training sees of the clip.
        iterations: Steps of training.
        seed: Of the choices.

    Returns:
        The fine-tuned network, in evaluation mode.
    """
    settings = FinetuneSettings("effort", iterations=iterations, device="cpu", seed=seed)
    names = tuple(category.name for category in model.categories)
    label = names.index(OBJECT) if OBJECT in names else 0
    height, width = reader.video.size
    with tempfile.TemporaryDirectory() as folder:
        files = tuple(Path(folder) / f"{i:05d}.png" for i in range(reader.video.num_frames))
        for index, file in enumerate(files):  # clips reach beyond the corrected frames
            cv2.imwrite(str(file), np.ascontiguousarray(reader.read(index)[..., ::-1]))
        video = LabelledVideo(
            reader.video.path.name,
            Path(folder),
            reader.video.num_frames,
            height,
            width,
            (LabelledTrack(label, dict(known)),),
            frozenset(),
            files,
        )
        plan = FinetunePlan(
            Path(folder),
            settings,
            settings.load_preset(model.preferences.short_side),
            Snapshot("effort", tuple(model.categories), ()),
            copy.deepcopy(model),
            "effort",
            names,
            Split((video,), ()),
        )
        store = FrameStore()
        try:
            source = training_source(plan, store)
            trainer = make_trainer(plan, source, iterations, Path(folder) / "train", resume=False)
            for _ in trainer.run(JobContext()):
                pass
        finally:
            store.close()
        learnt = copy.deepcopy(trainer.model)
        learnt.load_state_dict(trainer.averaged_weights())
    learnt.preferences = replace(learnt.preferences, short_side=model.preferences.short_side)
    return learnt.eval()
