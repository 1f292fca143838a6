"""``ifc-studio bench uncertainty``: whether stored signals find bad masks, and swapped identities.

Masks: every kept track of a run on labelled clips is compared with the true object that it covers
best; the signals should rank masks with J under 0.7 (and 0.5) above the rest (AUROC). Swaps: two
tracks of generated clips are exchanged from a moment on; the share found, and alarms on clips left
alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from ifc_core.annotation.records import TrackFrame
from ifc_core.bench.labelled_files import labelled_files
from ifc_core.bench.machine import machine_facts
from ifc_core.data.synthetic import ClipSpec, Difficulty, render_clip
from ifc_core.evaluation.region_boundary import region_similarity
from ifc_core.inference.predictor import predict_video
from ifc_core.inference.results import FrameMask
from ifc_core.inference.settings import ProposeSettings
from ifc_core.inference.uncertainty import TrackedMask, need_of_attention, suspected_swaps
from ifc_core.io.video import open_video
from ifc_core.io.ytvis import read_ytvis
from ifc_core.models.ifc import IFC
from ifc_core.models.registry import load_model
from ifc_core.structures import FrameState, MaskSource, RLEMask

BAD_J = (0.7, 0.5)
TRACK_J = (0.0, 0.2, 0.4)
"""Tracks that cover their object worse on average are left out."""

_SWAP_FRAMES = 40
_FEWEST_PIXELS = 20
_NEAR_FRAMES = 5


@dataclass(frozen=True, slots=True)
class UncertaintyOptions:
    """What is measured.

    Attributes:
        model: Name or file of the weights.
        data: Folder with ``*_ytvis.json`` files and their clips; ``None`` leaves masks out.
        swap_clips: Generated clips in which tracks are exchanged; 0 leaves swaps out.
        score_threshold: Tracks under it are left out.
        short_side: Of the network's input in pixels; ``None`` takes the model's own.
        device: ``cpu``, ``cuda`` or ``mps``.
    """

    model: str = "default"
    data: Path | None = None
    swap_clips: int = 60
    score_threshold: float = 0.1
    short_side: int | None = None
    device: str = "cpu"


def run_uncertainty(options: UncertaintyOptions) -> dict[str, Any]:
    """Measure.

    Returns:
        ``masks`` (a row for each bound on J: number, share of bad ones, AUROC of each signal,
        ``None`` where all or none are bad) and ``swaps`` (recall, alarms per 500 frames).

    Raises:
        ConfigError: There are no labelled clips in the folder.
    """
    shown = asdict(options) | {"data": None if options.data is None else str(options.data)}
    figures: dict[str, Any] = {"machine": machine_facts(), "options": shown}
    if options.data is not None:
        files = labelled_files(options.data)
        model = load_model(options.model, options.device)
        judged = (track for file in files for track in _judged(model, file, options))
        figures["masks"] = mask_figures(list(judged))
    if options.swap_clips:
        figures["swaps"] = swap_figures(options.swap_clips)
    return figures


@dataclass(frozen=True, slots=True)
class JudgedTrack:
    """A predicted track against the true object that it covers best.

    Attributes:
        overlaps: (n,) J of each of its masks.
        signals: Name -> (n,) values that should be large where J is small.
    """

    overlaps: npt.NDArray[np.float64]
    signals: Mapping[str, npt.NDArray[np.float64]]


def mask_figures(tracks: Sequence[JudgedTrack]) -> list[dict[str, Any]]:
    """AUROC of each signal, for every bound on J and choice of tracks."""
    rows = []
    for least in TRACK_J:
        kept = [t for t in tracks if t.overlaps.mean() >= least]
        if not kept:
            continue
        overlaps = np.concatenate([t.overlaps for t in kept])
        for bound in BAD_J:
            bad = overlaps < bound
            row = {"mean_j_of_track_at_least": least, "bad_below_j": bound, "masks": len(bad)}
            scores = {
                name: auroc(bad, np.concatenate([t.signals[name] for t in kept]))
                for name in kept[0].signals
            }
            rows.append(row | {"share_bad": float(bad.mean()), "auroc": scores})
    return rows


def auroc(bad: npt.NDArray[np.bool_], values: npt.NDArray[np.float64]) -> float | None:
    """Chance that a bad mask has a larger value than a good one, ties counting half."""
    count = int(bad.sum())
    if count in (0, len(bad)):
        return None
    ranks = float(rankdata(values)[bad].sum())
    return (ranks - count * (count + 1) / 2) / (count * (len(bad) - count))


def _judged(model: IFC, file: Path, options: UncertaintyOptions) -> Iterator[JudgedTrack]:
    """The kept tracks of the clips that a file labels."""
    settings = ProposeSettings(
        short_side=options.short_side,
        precision="fp32",
        score_threshold=options.score_threshold,
    )
    labels = read_ytvis(file)
    for entry in labels.videos:
        path = file.parent / entry.name
        path = path if path.is_dir() else file.parent / f"{entry.name}.mp4"
        truth = [t.segmentations for t in labels.tracks if t.video_id == entry.id]
        with open_video(path) as reader:
            run = predict_video(model, reader.iter_frames(), settings)
            frames = list(run)
        kept = {instance.instance_id for instance in run.instances}
        tracks: dict[int, list[tuple[int, FrameMask]]] = {}
        for frame in frames:
            for mask in frame.masks:
                if mask.instance_id in kept:
                    tracks.setdefault(mask.instance_id, []).append((frame.frame_index, mask))
        for masks in tracks.values():
            yield judge(masks, truth)


def judge(
    masks: Sequence[tuple[int, FrameMask]], truth: Sequence[Sequence[RLEMask | None]]
) -> JudgedTrack:
    """Compare a track with the true object that it covers best on average."""
    overlaps = [
        np.array([region_similarity(mask.rle, of_frame[i]) for i, mask in masks])
        for of_frame in truth
    ]
    stored = [
        TrackFrame(
            0,
            index,
            index,
            FrameState.PROPOSED,
            MaskSource.MODEL,
            0,
            mask.rle.area,
            mask.uncertainty,
            mask.link_score,
            mask.quality,
        )
        for index, mask in masks
    ]
    signals = {
        "uncertainty": np.array([m.uncertainty or 0.0 for _, m in masks]),
        "weak_link": np.array([1.0 - (m.link_score or 0.0) for _, m in masks]),
        "poor_fit": np.array([0.0 if m.quality is None else 1.0 - m.quality for _, m in masks]),
        "need_of_attention": need_of_attention(stored),
    }
    return JudgedTrack(max(overlaps, key=lambda j: float(j.mean())), signals)


def swap_figures(count: int) -> dict[str, Any]:
    """Exchange two tracks in each of ``count`` generated clips, at their closest and anywhere."""
    found = {"closest": 0, "anywhere": 0}
    clips = alarms = seed = 0
    while clips < count:
        difficulty: Difficulty = "hard" if seed % 2 else "medium"
        clip = render_clip(
            1000 + seed, ClipSpec(144, 256, _SWAP_FRAMES, difficulty, 9, frame_gap=1.0)
        )
        seed += 1
        tracks = {
            i: {t: RLEMask.from_array(m) for t, m in enumerate(of) if m.sum() > _FEWEST_PIXELS}
            for i, of in enumerate(clip.masks)
        }
        moments = _moments(tracks)
        if not moments:
            continue
        read = clip.frames.__getitem__
        alarms += len(suspected_swaps(_stream(tracks), read))
        chosen = np.random.default_rng(clips).integers(len(moments))
        for kind, (_, a, b, at) in (("closest", moments[0]), ("anywhere", moments[chosen])):
            exchanged = suspected_swaps(_stream(tracks, (a, b), at), read)
            found[kind] += any(
                {s.track_a, s.track_b} == {a, b} and abs(s.frame_index - at) <= _NEAR_FRAMES
                for s in exchanged
            )
        clips += 1
    return {
        "clips": clips,
        "recall": {kind: hits / clips for kind, hits in found.items()},
        "false_alarms_per_500_frames": 500 * alarms / (clips * _SWAP_FRAMES),
    }


def _moments(tracks: Mapping[int, Mapping[int, RLEMask]]) -> list[tuple[float, int, int, int]]:
    """(distance in sizes, track, track, frame) at which both are there and were before."""
    moments = []
    for a in tracks:
        for b in (b for b in tracks if b < a):
            for t in range(6, _SWAP_FRAMES - 6):
                if all(t in tracks[i] and t - 1 in tracks[i] for i in (a, b)):
                    moments.append((_distance(tracks[a][t], tracks[b][t]), a, b, t))
    return sorted(moments)


def _distance(first: RLEMask, second: RLEMask) -> float:
    boxes = [np.array(mask.bbox_xywh) for mask in (first, second)]
    centres = [box[:2] + box[2:] / 2 for box in boxes]
    sizes = sum(float(box[2] * box[3]) for box in boxes)
    return float(np.linalg.norm(centres[0] - centres[1])) / math.sqrt(sizes)


def _stream(
    tracks: Mapping[int, Mapping[int, RLEMask]], pair: tuple[int, int] | None = None, at: int = 0
) -> Iterator[tuple[int, list[TrackedMask]]]:
    exchanged = {} if pair is None else {pair[0]: pair[1], pair[1]: pair[0]}
    for t in range(_SWAP_FRAMES):
        yield (
            t,
            [
                TrackedMask(exchanged.get(i, i) if t >= at else i, masks[t])
                for i, masks in tracks.items()
                if t in masks
            ],
        )
