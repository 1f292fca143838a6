"""What a person can choose for a run of Propose."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from ifc_core.errors import ConfigError
from ifc_core.models.config import EDGES, LEAST_DUPLICATE_IOU, MOST_LOOKAHEAD
from ifc_core.models.input_size import MAX_LONG_SIDE

PRECISIONS = ("auto", "fp32", "bf16", "fp16", "int8")
"""Arithmetic of the network; ``auto`` picks the fastest that passes a one-off check."""

MOST_TILES = 16
"""In each direction."""
LEAST_REGION_PX = 8
"""Shorter side of what is looked at, of a tile too."""

_SMALLEST_PX = 4


@dataclass(frozen=True, slots=True)
class ProposeSettings:
    """Settings of one run.

    Attributes:
        model: Name or file of the weights.
        clip_length: T, frames a clip.
        clip_stride: S, frames between the starts of two clips, at most T.
        frame_step: Only every n-th frame is looked at.
        short_side: Short side in pixels to which frames are resized; ``None`` takes the one
            that the weights were made for (360 for the published ones).
        max_long_side: The long side never exceeds this many pixels.
        score_threshold: Instances whose best class stays under it do not become tracks; under 0.75,
            with a look ahead, tracks are looked for that no clip is sure of; ``None`` takes the
            model's own.
        duplicate_iou: Of the masks of a clip that overlap with at least this soft IoU only the
            surest one stays, so that a thing gets one track; 1 keeps all, as published; ``None``
            takes the model's own.
        continuation_score: An instance that a clip is not sure of goes on with a track that no
            surer one continues, where its best class is at least so probable; 1 leaves such
            instances out, as published; ``None`` takes the model's own.
        lookahead: Frames that the decision who is who in a clip looks ahead: tracks become the
            best paths through the instances of a stretch of clips, and come later by twice as
            many frames; 0 links each clip as it comes, as published; ``None`` takes the model's
            own.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        precision: One of :data:`PRECISIONS`.
        region_xywh: Part of the frame to look at, in pixels of the displayed frame; ``None``
            for all of it.
        offline: One clip over the whole video, ``clip_length`` and ``clip_stride`` unused.
        reidentify: Give an object that was away its old identity again, where its mask weight
            and class say so. Off, as published.
        tiles: Look at the frame in overlapping tiles as well, each at the short side: ``auto``,
            ``ROWSxCOLUMNS``, or the size of the smallest objects in pixels of the frame, such as
            ``24px``; empty for the whole frame alone. For small objects in large frames.
        edges: Decide the edges of masks again at the size of the frame, one of ``EDGES``: ``off``
            as published, ``fast`` by the colours nearby, ``best`` by a network of its own;
            ``None`` takes the model's own.
        shot_cuts: Tell the shots of an edited video apart, so that no clip and no track goes over
            a cut; otherwise everything is one shot, as published.

    Raises:
        ConfigError: A value is out of range.
    """

    model: str = "default"
    clip_length: int = 5
    clip_stride: int = 1
    frame_step: int = 1
    short_side: int | None = None
    max_long_side: int = MAX_LONG_SIDE
    score_threshold: float | None = None
    duplicate_iou: float | None = None
    continuation_score: float | None = None
    lookahead: int | None = None
    device: str = "auto"
    precision: str = "auto"
    region_xywh: tuple[int, int, int, int] | None = None
    offline: bool = False
    reidentify: bool = False
    tiles: str = ""
    edges: str | None = None
    shot_cuts: bool = True

    def __post_init__(self) -> None:
        """Check every value."""
        _at_least_one("clip_length", self.clip_length)
        _at_least_one("clip_stride", self.clip_stride)
        _at_least_one("frame_step", self.frame_step)
        if self.clip_stride > self.clip_length:
            raise ConfigError(
                f"The clip stride {self.clip_stride} is larger than the clip length "
                f"{self.clip_length}, so frames would be left out; choose at most the length.",
                name="clip_stride",
                value=self.clip_stride,
            )
        if self.short_side is not None:
            _in_range("short_side", self.short_side, 32, 4320)
        _in_range("max_long_side", self.max_long_side, 32, 8192)
        if self.score_threshold is not None:
            _in_range("score_threshold", self.score_threshold, 0.0, 1.0)
        if self.duplicate_iou is not None:
            _in_range("duplicate_iou", self.duplicate_iou, LEAST_DUPLICATE_IOU, 1.0)
        if self.continuation_score is not None:
            _in_range("continuation_score", self.continuation_score, 0.0, 1.0)
        if self.lookahead is not None:
            _whole_number("lookahead", self.lookahead)
            _in_range("lookahead", self.lookahead, 0, MOST_LOOKAHEAD)
        if self.precision not in PRECISIONS:
            raise ConfigError(
                f"The precision {self.precision!r} is unknown; choose one of "
                f"{', '.join(PRECISIONS)}.",
                name="precision",
                value=self.precision,
            )
        if self.edges is not None and self.edges not in EDGES:
            raise ConfigError(
                f"The edges {self.edges!r} are unknown; choose one of {', '.join(EDGES)}.",
                name="edges",
                value=self.edges,
            )
        _check_tiles(self.tiles)
        _check_device(self.device)
        _check_region(self.region_xywh)

    def to_json(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        values = asdict(self)
        if self.region_xywh is not None:
            values["region_xywh"] = list(self.region_xywh)
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ProposeSettings:
        """Read what :meth:`to_json` wrote; keys that are left out take their default.

        Raises:
            ConfigError: A key is unknown or a value has the wrong type or range.
        """
        known = {f.name for f in fields(cls)}
        for name in values:
            if name not in known:
                raise ConfigError(
                    f"The setting {name!r} is unknown.", name=name, value=values[name]
                )
        arguments = dict(values)
        region = arguments.get("region_xywh")
        if isinstance(region, list | tuple):
            arguments["region_xywh"] = tuple(region)
        try:
            return cls(**arguments)
        except TypeError as error:
            raise ConfigError(
                "A setting has a value of the wrong type.", name="settings", value=dict(values)
            ) from error


def _at_least_one(name: str, value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(
            f"{_words(name)} must be a whole number of at least 1, not {value!r}.",
            name=name,
            value=value,
        )


def _whole_number(name: str, value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigError(
            f"{_words(name)} must be a whole number, not {value!r}.", name=name, value=value
        )


def _in_range(name: str, value: float, low: float, high: float) -> None:
    if isinstance(value, bool) or not low <= value <= high:
        raise ConfigError(
            f"{_words(name)} must lie between {low:g} and {high:g}, not {value!r}.",
            name=name,
            value=value,
        )


def _words(name: str) -> str:
    return "The " + name.replace("_", " ").replace(" iou", " IoU")


def _check_device(device: str) -> None:
    kind, _, number = device.partition(":")
    numbered = kind == "cuda" and number.isdigit()
    if kind not in ("auto", "cpu", "cuda", "mps") or (":" in device and not numbered):
        raise ConfigError(
            f"The device {device!r} is unknown; choose auto, cpu, cuda, cuda:N or mps.",
            name="device",
            value=device,
        )


def _check_tiles(tiles: str) -> None:
    grid = re.fullmatch(r"([0-9]{1,2})x([0-9]{1,2})", tiles)
    in_range = grid is not None and all(1 <= int(count) <= MOST_TILES for count in grid.groups())
    smallest = re.fullmatch(r"([0-9]{1,4})px", tiles)
    if tiles in ("", "auto") or in_range or (smallest and int(smallest[1]) >= _SMALLEST_PX):
        return
    raise ConfigError(
        f"The tiles must be auto, ROWSxCOLUMNS with 1 to {MOST_TILES} of each, such as 2x3, or the "
        f"size of the smallest objects of at least {_SMALLEST_PX} pixels, such as 24px, not "
        f"{tiles!r}.",
        name="tiles",
        value=tiles,
    )


def _check_region(region: tuple[int, int, int, int] | None) -> None:
    if region is None:
        return
    whole = len(region) == 4 and all(isinstance(v, int) for v in region)
    if not whole or min(region[:2]) < 0 or min(region[2:]) < LEAST_REGION_PX:
        raise ConfigError(
            "The region must be x, y, width, height in whole pixels, at least "
            f"{LEAST_REGION_PX} by {LEAST_REGION_PX}.",
            name="region_xywh",
            value=region,
        )
