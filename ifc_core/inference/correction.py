"""Correct once, fix the track: spreading a person's masks to the frames around them.

From each corrected frame the mask is carried along chained optical flow. Where flow is unsure or
far from the corrected frame, what the object looks like (colour, and the network's own evidence
where there is a model) decides with it. Between two corrected frames both count, the nearer one
more. Corrected frames themselves are never given out, so they stay exactly as they are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from ifc_core.errors import ConfigError
from ifc_core.inference.far_match import PixelFeatures
from ifc_core.inference.flow_store import FlowStore
from ifc_core.inference.lazy_mapping import LazyMapping
from ifc_core.inference.plain_spread import copied_mask, interpolated_mask
from ifc_core.inference.small_spread import SmallSpreader, is_small
from ifc_core.inference.spread_frame import SpreadMask
from ifc_core.inference.spread_scope import DEFAULT_REACH, within_reach
from ifc_core.inference.track_looks import Evidence
from ifc_core.inference.track_spread import TrackSpreader
from ifc_core.io.video import VideoReader
from ifc_core.jobs import JobContext
from ifc_core.structures import RLEMask

__all__ = ["CorrectSettings", "CorrectedMask", "Evidence", "SpreadMask", "spread"]

Method = Literal["fused", "flow", "interpolate", "copy"]

_MASKS_KEPT = 4


@dataclass(frozen=True, slots=True)
class CorrectSettings:
    """How corrections spread.

    Attributes:
        method: ``fused``; ``flow`` alone; or the plain tools ``interpolate`` (signed distance,
            flat beyond the outer corrections) and ``copy`` (of the nearest correction).
        short_side: Working resolution in pixels.
        reach: Frames further than this from every correction get no mask.
    """

    method: Method = "fused"
    short_side: int = 480
    reach: int = DEFAULT_REACH

    def __post_init__(self) -> None:
        """Check every value."""
        if self.method not in get_args(Method):
            raise ConfigError(
                f"The method {self.method!r} is unknown; choose one of "
                f"{', '.join(get_args(Method))}.",
                name="method",
                value=self.method,
            )
        for name, low, high in (("short_side", 64, 2160), ("reach", 1, 2000)):
            value = getattr(self, name)
            if type(value) is not int or not low <= value <= high:
                raise ConfigError(
                    f"{name} must be a whole number from {low} to {high}, not {value!r}.",
                    name=name,
                    value=value,
                )

    def to_json(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> CorrectSettings:
        """Read what :meth:`to_json` wrote; keys that are left out take their default."""
        known = {f.name for f in fields(cls)}
        for name in values:
            if name not in known:
                raise ConfigError(
                    f"The setting {name!r} is unknown.", name=name, value=values[name]
                )
        return cls(**values)


@dataclass(frozen=True, slots=True)
class CorrectedMask:
    """A person's word on one frame.

    Attributes:
        frame_index: 0-based in the video.
        rle: The mask, or ``None`` where the object is absent.
    """

    frame_index: int
    rle: RLEMask | None


_FEW_CORRECTIONS = 2
_SPARSE_FRAMES = 3


def features_help(num_corrected: int, num_frames: int) -> bool:
    """Whether the network's early maps are worth having for a scope.

    They find what has moved far from the only corrected frames; where several lie a few frames
    apart, motion from both sides tells the edges better (docs/performance.md).

    Args:
        num_corrected: Corrected frames of the track.
        num_frames: Of the scope.
    """
    return num_corrected <= _FEW_CORRECTIONS or num_frames > _SPARSE_FRAMES * num_corrected


def spread(
    reader: VideoReader,
    corrected: Sequence[CorrectedMask],
    frames: range,
    settings: CorrectSettings | None = None,
    context: JobContext | None = None,
    evidence: Evidence | None = None,
    *,
    features: PixelFeatures | None = None,
    avoid: Sequence[CorrectedMask] = (),
    skip: Collection[int] = (),
    store: FlowStore | None = None,
) -> Iterator[SpreadMask]:
    """Masks of one track on the frames of a scope, from those that a person corrected.

    Args:
        reader: The video.
        corrected: At least one frame of the track, in any order.
        frames: The scope, step 1; corrections outside of it count but are not reached.
        settings: Method and resolution.
        context: Progress in frames; cancels between frames.
        evidence: The network's opinion, or ``None`` to do without one.
        features: The network's early maps, or ``None``; used where :func:`features_help`.
        avoid: Pixels that are not the object, such as those of other tracks that a person made;
            no mask holds them.
        skip: Frames that get no result: approved ones, or those that came before a pause.
        store: Pictures and flow of the video from an earlier correction.

    Yields:
        One result for each frame of the scope that is within reach and not corrected: between
        two corrections backward (a long stretch in pieces), after the last one forward, before
        the first one backward.

    Raises:
        ConfigError: There is no correction, or two of one frame.
        JobCancelled: The context was asked to stop.
    """
    chosen = settings or CorrectSettings()
    known = sorted(corrected, key=lambda c: c.frame_index)
    if not known or len({c.frame_index for c in known}) != len(known):
        raise ConfigError(
            "Correct at least one frame, each once.", name="corrected", value=len(known)
        )
    job = context or JobContext()
    left_out = frozenset(skip)
    targets = within_reach(frames, [c.frame_index for c in known], chosen.reach)
    total = sum(f not in left_out for f in targets)
    arrays = _decoded({c.frame_index: c.rle for c in known}, reader)
    taken = _decoded({c.frame_index: c.rle for c in avoid if c.rle is not None}, reader)
    if chosen.method in ("copy", "interpolate"):
        steps = _plain(reader, arrays, targets, chosen.method)
    else:
        flows = store or FlowStore(reader, chosen.short_side)
        fuses = chosen.method == "fused"
        early = features if features_help(len(known), len(frames)) else None

        def usual(rles: Mapping[int, RLEMask | None]) -> TrackSpreader:
            return TrackSpreader(
                flows,
                _decoded(rles, reader),
                chosen.reach,
                job,
                looks=fuses,
                evidence=evidence,
                features=early,
                avoid=taken,
            )

        rles = {c.frame_index: c.rle for c in known}
        if any(is_small(rle, reader.video.size, chosen.short_side) for rle in rles.values()):
            size = chosen.short_side
            steps = SmallSpreader(
                reader, rles, size, chosen.reach, job, looks=fuses, usual=usual
            ).run(frames)
        else:
            steps = usual(rles).run(frames)
    wanted = (result for result in steps if result.frame_index not in left_out)
    for done, result in enumerate(wanted, start=1):
        yield _without(result, taken.get(result.frame_index))
        job.advance(done, total, "spreading the correction")


def _decoded(
    rles: Mapping[int, RLEMask | None], reader: VideoReader
) -> LazyMapping[int, npt.NDArray[np.bool_]]:
    """Masks by frame at full size, decoded when they are needed."""

    def decode(frame: int) -> npt.NDArray[np.bool_]:
        rle = rles[frame]
        return np.zeros(reader.video.size, np.bool_) if rle is None else rle.to_array()

    return LazyMapping(rles, decode, _MASKS_KEPT)


def _without(result: SpreadMask, taken: npt.NDArray[np.bool_] | None) -> SpreadMask:
    """A result less the pixels that are known to be something else."""
    if taken is None or result.rle is None:
        return result
    mask = result.rle.to_array() & ~taken
    rle = RLEMask.from_array(mask) if mask.any() else None
    return SpreadMask(result.frame_index, rle, result.confidence)


def _plain(
    reader: VideoReader,
    masks: Mapping[int, npt.NDArray[np.bool_]],
    targets: Sequence[int],
    method: Method,
) -> Iterator[SpreadMask]:
    make = copied_mask if method == "copy" else interpolated_mask
    for frame in targets:
        mask = make(masks, frame)
        rle = RLEMask.from_array(mask) if mask.any() else None
        yield SpreadMask(frame, rle, 1.0 / (1 + min(abs(f - frame) for f in masks)))
