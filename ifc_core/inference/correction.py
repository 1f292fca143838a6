"""Correct once, fix the track: spreading a person's masks to the frames around them.

From each corrected frame the mask is carried along chained optical flow. Where flow is unsure or
far from the corrected frame, what the object looks like (colour, and the network's own evidence
where there is a model) decides with it. Between two corrected frames both count, the nearer one
more. Corrected frames themselves are never given out, so they stay exactly as they are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Protocol, get_args

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.errors import ConfigError
from ifc_core.inference.appearance import AppearanceModel, color_channels, fit_appearance
from ifc_core.inference.flow_chain import (
    FloatImage,
    FlowChain,
    interpolate_masks,
    signed_distance,
)
from ifc_core.inference.mask_output import encode_logits
from ifc_core.io.video import VideoReader
from ifc_core.jobs import JobContext
from ifc_core.structures import RLEMask

Method = Literal["fused", "flow", "interpolate", "copy"]

_NEAR_SHARE = 1 / 12  # of the working short side: background that the appearance is fitted on
_LOGIT_LIMIT = 4.0
_LOOKS_WEIGHTS = (0.0, 0.25, 0.5, 1.0)
_DEFAULT_LOOKS = 0.5
_LEAST_SUPPORT = 0.05


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
    reach: int = 150

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


@dataclass(frozen=True, slots=True)
class SpreadMask:
    """What a correction says about another frame.

    Attributes:
        frame_index: 0-based in the video.
        rle: The mask, or ``None`` where nothing supports one.
        confidence: 0 to 1: how well flow holds together and the evidence agrees.
    """

    frame_index: int
    rle: RLEMask | None
    confidence: float


class Evidence(Protocol):
    """The network's opinion, see :mod:`ifc_core.inference.mask_refit`."""

    def logits(self, frame_index: int) -> FloatImage:
        """Foreground logit of a frame at any resolution, (h, w) float32."""

    def held_out_logits(self, frame_index: int) -> FloatImage:
        """The same for a corrected frame, from pixels that were not fitted on."""


def spread(
    reader: VideoReader,
    corrected: Sequence[CorrectedMask],
    frames: range,
    settings: CorrectSettings | None = None,
    context: JobContext | None = None,
    evidence: Evidence | None = None,
    *,
    avoid: Sequence[CorrectedMask] = (),
    skip: Collection[int] = (),
) -> Iterator[SpreadMask]:
    """Masks of one track on the frames of a scope, from those that a person corrected.

    Args:
        reader: The video.
        corrected: At least one frame of the track, in any order.
        frames: The scope, step 1; corrections outside of it count but are not reached.
        settings: Method and resolution.
        context: Progress in frames; cancels between frames.
        evidence: The network's opinion, or ``None`` to do without one.
        avoid: Pixels that are not the object, such as those of other tracks that a person made;
            no mask holds them.
        skip: Frames that get no result: approved ones, or those that came before a pause.

    Yields:
        One result for each frame of the scope that is within reach and not corrected: after
        the last correction forward, before the first one backward, between two ascending.

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
    total = sum(f not in left_out for f in _targets(known, frames, chosen.reach))
    taken = {c.frame_index: c.rle.to_array() for c in avoid if c.rle is not None}
    steps = (
        _Spreader(reader, known, frames, chosen, job, evidence).run()
        if chosen.method in ("fused", "flow")
        else _plain(reader, known, frames, chosen)
    )
    wanted = (result for result in steps if result.frame_index not in left_out)
    for done, result in enumerate(wanted, start=1):
        yield _without(result, taken.get(result.frame_index))
        job.advance(done, total, "spreading the correction")


def _without(result: SpreadMask, taken: npt.NDArray[np.bool_] | None) -> SpreadMask:
    """A result less the pixels that are known to be something else."""
    if taken is None or result.rle is None:
        return result
    mask = result.rle.to_array() & ~taken
    rle = RLEMask.from_array(mask) if mask.any() else None
    return SpreadMask(result.frame_index, rle, result.confidence)


def _targets(known: Sequence[CorrectedMask], frames: range, reach: int) -> Iterator[int]:
    """Frames of the scope that are not corrected and within reach of a correction."""
    indices = np.array([c.frame_index for c in known])
    for frame in frames:
        distance = np.abs(indices - frame).min()
        if 0 < distance <= reach:
            yield frame


def _plain(
    reader: VideoReader, known: Sequence[CorrectedMask], frames: range, settings: CorrectSettings
) -> Iterator[SpreadMask]:
    empty = np.zeros(reader.video.size, np.bool_)
    arrays = {c.frame_index: empty if c.rle is None else c.rle.to_array() for c in known}
    for frame in _targets(known, frames, settings.reach):
        before = max((f for f in arrays if f < frame), default=None)
        after = min((f for f in arrays if f > frame), default=None)
        nearest = min(arrays, key=lambda f: abs(f - frame))
        mask = arrays[nearest]
        if settings.method == "interpolate" and before is not None and after is not None:
            fraction = (frame - before) / (after - before)
            mask = interpolate_masks(arrays[before], arrays[after], fraction)
        rle = RLEMask.from_array(mask) if mask.any() else None
        yield SpreadMask(frame, rle, 1.0 / (1 + abs(nearest - frame)))


@dataclass(frozen=True, slots=True)
class _Picture:
    gray: npt.NDArray[np.uint8]  # working resolution
    small: npt.NDArray[np.uint8]  # a quarter of it, RGB


@dataclass(frozen=True, slots=True)
class _Carried:
    """A mask carried from one correction to one frame."""

    mask: RLEMask
    trust: float
    distance: int

    def flow_logit(self) -> FloatImage:
        doubt = 1.5 + 0.5 * self.distance + 4.0 * (1.0 - self.trust)
        return signed_distance(self.mask.to_array()) / doubt


class _Spreader:
    """The fused method, and flow alone."""

    def __init__(
        self,
        reader: VideoReader,
        known: Sequence[CorrectedMask],
        frames: range,
        settings: CorrectSettings,
        context: JobContext,
        evidence: Evidence | None,
    ) -> None:
        self._reader, self._known, self._frames = reader, known, frames
        self._settings, self._context = settings, context
        self._evidence = evidence if settings.method == "fused" else None
        height, width = reader.video.size
        scale = min(1.0, settings.short_side / min(height, width))
        self._size = (max(8, round(width * scale)), max(8, round(height * scale)))  # (w, h)
        self._small = (max(2, self._size[0] // 4), max(2, self._size[1] // 4))
        self._masks = {c.frame_index: self._working(c.rle) for c in known}
        self._looks: AppearanceModel | None = None

    def run(self) -> Iterator[SpreadMask]:
        if self._settings.method == "fused":
            self._looks = self._fit()
        first, last = self._known[0].frame_index, self._known[-1].frame_index
        reach = self._settings.reach
        yield from self._outward(range(last, min(self._frames.stop, last + reach + 1)))
        for left, right in zip(self._known, self._known[1:], strict=False):
            yield from self._between(left.frame_index, right.frame_index)
        yield from self._outward(range(first, max(self._frames.start - 1, first - reach - 1), -1))

    # ---- the three kinds of stretch -----------------------------------------------------

    def _outward(self, path: range) -> Iterator[SpreadMask]:
        """From an outer correction away from all others, frame by frame."""
        if len(path) < 2 or not (path[-1] in self._frames or path[1] in self._frames):
            return
        pictures = self._pictures(path)
        for frame, carried, picture in self._carry(path, pictures):
            if frame in self._frames:
                yield self._decide(frame, picture, [carried], _DEFAULT_LOOKS)

    def _between(self, left: int, right: int) -> Iterator[SpreadMask]:
        """Between two corrections: carried from both, fused by distance."""
        reach = self._settings.reach
        inner = [
            f
            for f in range(left + 1, right)
            if f in self._frames and min(f - left, right - f) <= reach
        ]
        if not inner:
            return
        found: dict[int, list[_Carried]] = {frame: [] for frame in inner}
        looks = [_DEFAULT_LOOKS]
        for start, end in ((left, right), (right, left)):
            step = 1 if end > start else -1
            stop = start + step * (min(abs(end - start), reach) + 1)
            path = range(start, stop, step)
            for frame, carried, picture in self._carry(path, self._pictures(path)):
                if frame == end:  # a frame with a known mask: which weight would have hit it?
                    looks.append(self._best_weight(frame, picture, carried))
                elif frame in found:
                    found[frame].append(carried)
        weight = float(np.mean(looks[1:] or looks))
        for frame in inner:
            picture = self._picture(self._reader.read(frame))
            yield self._decide(frame, picture, found[frame], weight)

    def _carry(
        self, path: range, pictures: Iterator[_Picture]
    ) -> Iterator[tuple[int, _Carried, _Picture]]:
        seed_distance = signed_distance(self._masks[path[0]])
        chain = FlowChain(next(pictures).gray)
        for frame, picture in zip(path[1:], pictures, strict=True):
            self._context.raise_if_cancelled()
            chain.step(picture.gray)
            mask = chain.carry(seed_distance) > 0
            trust = float(chain.trust[mask].mean()) if mask.any() else 0.0
            yield frame, _Carried(RLEMask.from_array(mask), trust, chain.steps), picture

    # ---- fusing -------------------------------------------------------------------------

    def _decide(
        self, frame: int, picture: _Picture, carried: Sequence[_Carried], weight: float
    ) -> SpreadMask:
        logit, nearness = self._flow_logit(carried)
        flow_mask = logit > 0
        if self._looks is not None:
            logit = logit + self._look_logit(frame, picture, carried, weight)
        mask = logit > 0
        trust = sum(n * c.trust for n, c in zip(nearness, carried, strict=True))
        union = int((mask | flow_mask).sum())
        agreement = float((mask & flow_mask).sum()) / union if union else 1.0
        confidence = trust * agreement
        if not mask.any() or confidence < _LEAST_SUPPORT:
            return SpreadMask(frame, None, 1.0 - agreement if union else trust)
        rle = encode_logits(logit, self._reader.video.size)
        return SpreadMask(frame, rle, min(1.0, confidence))

    @staticmethod
    def _flow_logit(carried: Sequence[_Carried]) -> tuple[FloatImage, list[float]]:
        """Sum of the carried logits, each counting with how near its correction is."""
        inverse = [1.0 / c.distance for c in carried]
        nearness = [i / sum(inverse) for i in inverse]
        parts = [n * c.flow_logit() for n, c in zip(nearness, carried, strict=True)]
        total: FloatImage = np.sum(parts, axis=0).astype(np.float32)
        return total, nearness

    def _look_logit(
        self, frame: int, picture: _Picture, carried: Sequence[_Carried], weight: float
    ) -> FloatImage:
        assert self._looks is not None  # noqa: S101 - for the type checker
        distance = min(c.distance for c in carried)
        growing = weight * (1.0 - float(np.exp(-distance / 3.0)))
        logit = self._looks.logits(self._channels(frame, picture, held_out=False))
        large = cv2.resize(logit, self._size, interpolation=cv2.INTER_LINEAR)
        limited: FloatImage = np.clip(large, -_LOGIT_LIMIT, _LOGIT_LIMIT).astype(np.float32)
        return growing * limited

    def _best_weight(self, frame: int, picture: _Picture, carried: _Carried) -> float:
        """The weight of looks that comes closest to the known mask of a frame."""
        if self._looks is None or not self._masks[frame].any():
            return _DEFAULT_LOOKS
        flow, _ = self._flow_logit([carried])
        looks = self._look_logit(frame, picture, [carried], 1.0)
        truth = self._masks[frame]
        scores = [_overlap(flow + w * looks > 0, truth) for w in _LOOKS_WEIGHTS]
        return _LOOKS_WEIGHTS[int(np.argmax(scores))]

    # ---- pixels -------------------------------------------------------------------------

    def _fit(self) -> AppearanceModel | None:
        channels, masks = [], []
        for frame, mask in self._masks.items():
            picture = self._picture(self._reader.read(frame))
            channels.append(self._channels(frame, picture, held_out=True))
            soft = cv2.resize(mask.astype(np.float32), self._small, interpolation=cv2.INTER_AREA)
            masks.append(soft > 0.5)
        return fit_appearance(channels, masks, max(8.0, _NEAR_SHARE * self._size[1]))

    def _channels(self, frame: int, picture: _Picture, held_out: bool) -> FloatImage:
        colors = color_channels(picture.small)
        if self._evidence is None:
            return colors
        ask = self._evidence.held_out_logits if held_out else self._evidence.logits
        opinion = cv2.resize(ask(frame), self._small, interpolation=cv2.INTER_LINEAR)
        limited = np.clip(opinion, -2 * _LOGIT_LIMIT, 2 * _LOGIT_LIMIT)
        return np.concatenate([colors, limited[..., None].astype(np.float32)], axis=-1)

    def _pictures(self, path: range) -> Iterator[_Picture]:
        """Pictures along a path; a path backward is read forward and kept, at most the reach."""
        if path.step > 0:
            for frame in path:
                yield self._picture(self._reader.read(frame))
            return
        kept = []
        for frame in reversed(path):
            self._context.raise_if_cancelled()
            kept.append(self._picture(self._reader.read(frame)))
        while kept:
            yield kept.pop()

    def _picture(self, frame: npt.NDArray[np.uint8]) -> _Picture:
        same = (frame.shape[1], frame.shape[0]) == self._size
        work = frame if same else cv2.resize(frame, self._size, interpolation=cv2.INTER_AREA)
        small = cv2.resize(work, self._small, interpolation=cv2.INTER_AREA)
        gray = cv2.cvtColor(work, cv2.COLOR_RGB2GRAY)
        return _Picture(np.asarray(gray, np.uint8), np.asarray(small, np.uint8))

    def _working(self, rle: RLEMask | None) -> npt.NDArray[np.bool_]:
        if rle is None:
            return np.zeros((self._size[1], self._size[0]), np.bool_)
        whole = np.ascontiguousarray(rle.to_array()).astype(np.float32)
        small = np.asarray(cv2.resize(whole, self._size, interpolation=cv2.INTER_AREA))
        return np.asarray(small > 0.5, np.bool_)


def _overlap(first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]) -> float:
    union = int((first | second).sum())
    return float((first & second).sum()) / union if union else 1.0
