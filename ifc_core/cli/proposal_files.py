"""What ``ifc-studio propose`` writes, once masks are found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ifc_core.cli.dataset_ids import DatasetIds
from ifc_core.cli.mask_spool import MaskSpool
from ifc_core.inference.results import InstanceSummary, result_rows
from ifc_core.io.ytvis import (
    TrackDetails,
    YtvisHeader,
    YtvisTrack,
    YtvisVideo,
    write_ytvis_results,
    write_ytvis_tracks,
)
from ifc_core.structures import Category, FrameState, MaskSource
from ifc_core.version import __version__


@dataclass(frozen=True, slots=True)
class ProposedVideo:
    """A finished video; its masks are in the spool under the same number.

    Attributes:
        path: The file or folder.
        entry: Its entry in the output.
        fps: Frames per second of the frames that were looked at.
        instances: What was found.
        seconds: How long it took.
        notices: Sentences for the person.
        shot_starts: First frame of each shot.
    """

    path: Path
    entry: YtvisVideo
    fps: float
    instances: tuple[InstanceSummary, ...]
    seconds: float
    notices: tuple[str, ...]
    shot_starts: tuple[int, ...]


def write_proposals(
    categories: Sequence[Category],
    videos: Sequence[ProposedVideo],
    spool: MaskSpool,
    output: Path,
    results_threshold: float | None = None,
    ids: DatasetIds | None = None,
    numbered: Callable[[int], int] | None = None,
) -> None:
    """Write what was found, whole or not at all.

    Args:
        categories: Of the model.
        videos: What was proposed on.
        spool: Their masks.
        output: The JSON file.
        results_threshold: Write a result file, with every class of each instance from this score
            on, as evaluators want them; ``None`` writes annotations.
        ids: What videos and classes are called in the file; by default as they come.
        numbered: Gives the id of an annotation by its instance, where there is one video; by
            default they are counted from 1.

    Raises:
        OutputError: It cannot be written.
    """
    pairs = [(video, _entry(video, ids)) for video in videos]
    classes = tuple(categories) if ids is None else ids.named(categories)
    if results_threshold is not None:
        write_ytvis_results(_results(classes, pairs, spool, results_threshold), output)
        return
    info = {"description": "Proposed by IFC Studio", "version": __version__}
    known = tuple(category for category in classes if category is not None)
    header = YtvisHeader(tuple(entry for _, entry in pairs), known, info)
    write_ytvis_tracks(header, _tracks(classes, pairs, spool, numbered), output)


def _entry(video: ProposedVideo, ids: DatasetIds | None) -> YtvisVideo:
    """The video as the file lists it."""
    if ids is None:
        return video.entry
    there = ids.entry(video.path)
    return replace(video.entry, id=there.id, file_names=there.file_names)


def _tracks(
    classes: Sequence[Category | None],
    videos: Sequence[tuple[ProposedVideo, YtvisVideo]],
    spool: MaskSpool,
    numbered: Callable[[int], int] | None,
) -> Iterator[YtvisTrack]:
    """The best class of each instance, as proposals."""
    number = 0
    for video, entry in videos:
        for instance in video.instances:
            number += 1
            category = classes[instance.label]
            if category is None:
                continue
            masks = spool.track(video.entry.id, instance.instance_id, video.entry.length)
            states = tuple(None if mask is None else FrameState.PROPOSED for mask in masks)
            sources = tuple(None if mask is None else MaskSource.MODEL for mask in masks)
            details = TrackDetails(states, sources)
            known = number if numbered is None else numbered(instance.instance_id)
            yield YtvisTrack(
                known, entry.id, category.id, masks, score=instance.score, details=details
            )


def _results(
    classes: Sequence[Category | None],
    videos: Sequence[tuple[ProposedVideo, YtvisVideo]],
    spool: MaskSpool,
    threshold: float,
) -> Iterator[YtvisTrack]:
    """Every class over the threshold of each instance, as the evaluator wants them."""
    number = 0
    for video, entry in videos:
        masks_of: dict[int, Any] = {}  # rows come by instance: one is held at a time
        for row in result_rows(video.instances, threshold):
            category = classes[row.label]
            if category is None:
                continue
            if row.instance_id not in masks_of:
                masks = spool.track(video.entry.id, row.instance_id, video.entry.length)
                masks_of = {row.instance_id: masks}
            number += 1
            yield YtvisTrack(
                number, entry.id, category.id, masks_of[row.instance_id], score=row.score
            )
