"""Large frames in overlapping tiles: every tile is a run of its own, tracks are joined across.

Objects of a few pixels vanish when a 4K frame is brought to 360 rows. In tiles they stay large
enough; what two tiles see alike in their overlap is one object. The whole frame is looked at as
well, for what is larger than a tile shows.

Source: the whole frame beside its slices follows Akyon et al., "Slicing Aided Hyper Inference",
ICIP 2022; there boxes of single images are put together, here tracks.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain

from ifc_core.errors import ConfigError
from ifc_core.inference.frame_checks import checked_frames
from ifc_core.inference.predictor import Frame, VideoPrediction, predict_video
from ifc_core.inference.results import FrameResult, InstanceSummary
from ifc_core.inference.run_checkpoint import RunCheckpoint
from ifc_core.inference.run_setup import (
    input_size_for,
    prepare_model,
    score_threshold_for,
    short_side_for,
)
from ifc_core.inference.settings import LEAST_REGION_PX, MOST_TILES, ProposeSettings
from ifc_core.inference.shot_watch import ShotWatch
from ifc_core.inference.tile_merger import Region, TileMerger
from ifc_core.jobs import JobContext
from ifc_core.models.ifc import IFC

_OVERLAP = 0.2  # of a tile's side, shared with its neighbour
_LARGEST_SHRINK = 2.0  # ``auto``: a tile is brought to at least half its size
_MOST_AUTO = 8  # of ``auto``, in each direction
_SHAPE = 16 / 9  # of a tile, width to height
_SEEN_FROM_PX = 15  # of the network's input: things so long are mostly found
_CELL_PX = 8  # of the mask grid, in pixels of the network's input
_WHOLE_FROM_CELLS = 16  # an object that has so many when all is looked at once is large there
_LARGEST_IN_TILE = 0.25  # of its area


def tile_counts(tiles: str, size: tuple[int, int], short_side: int) -> tuple[int, int]:
    """Rows and columns behind the setting ``tiles``.

    Args:
        tiles: ``auto``, ``ROWSxCOLUMNS`` or the smallest object's size, such as ``24px``.
        size: (height, width) of what is cut.
        short_side: To which the network's input is brought.
    """
    if tiles == "auto":
        side = short_side * _LARGEST_SHRINK
        rows, columns = math.ceil(size[0] / side), math.ceil(size[1] / (side * _SHAPE))
        return min(_MOST_AUTO, rows), min(_MOST_AUTO, columns)
    if tiles.endswith("px"):
        side = short_side * int(tiles.removesuffix("px")) / _SEEN_FROM_PX
        return _fewest(size[0], side), _fewest(size[1], side * _SHAPE)
    down, _, across = tiles.partition("x")
    return int(down), int(across)


def _fewest(length: int, side: float) -> int:
    """Overlapping tiles of at most this side that cover a length."""
    count = math.ceil((length / side - _OVERLAP) / (1 - _OVERLAP))
    return min(MOST_TILES, max(1, count))


def too_small_notice(tiles: str, area: Region, short_side: int) -> str | None:
    """A sentence where more tiles than there may be would be needed for the smallest objects.

    Args:
        tiles: The setting.
        area: What is cut.
        short_side: To which the network's input is brought.
    """
    if not tiles.endswith("px"):
        return None
    rows, columns = tile_counts(tiles, (area[3], area[2]), short_side)
    _, _, width, height = tile_regions(area, rows, columns)[0]
    seen_from = math.floor(max(height, width / _SHAPE) * _SEEN_FROM_PX / short_side)
    if seen_from <= int(tiles.removesuffix("px")) or MOST_TILES not in (rows, columns):
        return None
    return (
        f"In {rows} x {columns} tiles, the most there are, objects are found from about "
        f"{seen_from} pixels on; choose a region to find smaller ones."
    )


def tile_regions(area: Region, rows: int, columns: int) -> list[Region]:
    """Equal tiles that cover an area, neighbours sharing a fifth of a side.

    Args:
        area: What is cut.
        rows: Tiles from top to bottom.
        columns: Tiles from left to right.
    """
    x0, y0, width, height = area
    spans = [
        [(x, y, w, h) for x, w in _spans(x0, width, columns)] for y, h in _spans(y0, height, rows)
    ]
    return list(chain.from_iterable(spans))


def _spans(start: int, length: int, count: int) -> list[tuple[int, int]]:
    side = min(length, math.ceil(length / (count - (count - 1) * _OVERLAP)))
    if count == 1:
        return [(start, length)]
    return [(start + round(i * (length - side) / (count - 1)), side) for i in range(count)]


def looked_at_regions(area: Region, settings: ProposeSettings, short_side: int) -> list[Region]:
    """The tiles of an area, and last the area itself where there are several of them.

    Raises:
        ConfigError: The tiles would be smaller than a region may be.
    """
    tiles = tile_regions(area, *tile_counts(settings.tiles, (area[3], area[2]), short_side))
    if len(tiles) == 1:
        return tiles
    _, _, width, height = tiles[0]
    if min(width, height) < LEAST_REGION_PX:
        raise ConfigError(
            f"Tiles of {width} by {height} pixels are too small: choose fewer of them, or none.",
            name="tiles",
            value=settings.tiles,
        )
    return [*tiles, area]


def whole_from_px(regions: Sequence[Region], looked_at_height: int) -> float:
    """Area in pixels of the frame of what is large: seen well at once, or too large for a tile.

    Args:
        regions: As from :func:`looked_at_regions`, several of them.
        looked_at_height: To which the whole area is brought for the network.
    """
    (_, _, width, height), area = regions[0], regions[-1]
    cell = _CELL_PX * area[3] / looked_at_height
    return min(_WHOLE_FROM_CELLS * cell**2, _LARGEST_IN_TILE * width * height)


def predict(
    model: IFC,
    frames: Iterable[Frame],
    settings: ProposeSettings,
    context: JobContext | None = None,
    *,
    num_frames: int | None = None,
    resume: RunCheckpoint | None = None,
) -> VideoPrediction | TiledPrediction:
    """:func:`predict_video`, in tiles where the settings ask for them.

    A run in tiles has no checkpoint: it cannot be paused.
    """
    if not settings.tiles:
        return predict_video(model, frames, settings, context, num_frames=num_frames, resume=resume)
    return TiledPrediction(model, frames, settings, context or JobContext(), num_frames)


class TiledPrediction(Iterator[FrameResult]):
    """A run in tiles: iterate it for finished frames, then read :attr:`instances`.

    Args:
        model: The network on its device.
        frames: As for :func:`predict_video`.
        settings: With ``tiles`` set; tiles lie in ``region_xywh`` where that is given.
        context: Progress and cancellation.
        num_frames: Frames after the frame step, if known.
    """

    def __init__(
        self,
        model: IFC,
        frames: Iterable[Frame],
        settings: ProposeSettings,
        context: JobContext,
        num_frames: int | None,
    ) -> None:
        self._model, self._settings, self._context = model, settings, context
        self._num_frames = num_frames
        self._runs: list[VideoPrediction] = []
        self._merger = TileMerger(())
        self._notices: list[str] = []
        self._steps = self._run(iter(frames))

    def __next__(self) -> FrameResult:
        return next(self._steps)

    def close(self) -> None:
        """Stop early and let go of the frames."""
        for run in self._runs:
            run.close()

    def checkpoint(self) -> None:
        """Nothing: a run in tiles cannot be paused."""

    @property
    def instances(self) -> tuple[InstanceSummary, ...]:
        """Objects over the score threshold: so far, or final at the end."""
        parts = {
            (region, found.instance_id): found
            for region, run in enumerate(self._runs)
            for found in run.instances
        }
        return self._merger.instances(parts, score_threshold_for(self._model, self._settings))

    @property
    def notices(self) -> tuple[str, ...]:
        """Sentences for the person, each once; later ones come behind."""
        of_runs = dict.fromkeys(n for run in self._runs for n in run.notices)
        self._notices += [notice for notice in of_runs if notice not in self._notices]
        return tuple(self._notices)

    @property
    def shot_starts(self) -> tuple[int, ...]:
        """First frame of each shot so far: cuts are looked for once, in the whole frame."""
        return self._runs[0].shot_starts if self._runs else ()

    def _run(self, given: Iterator[Frame]) -> Iterator[FrameResult]:
        frames = checked_frames(given)
        first = next(frames, None)
        if first is None:
            return
        height, width = first[1].shape[:2]
        area = self._settings.region_xywh or (0, 0, int(width), int(height))
        short_side = short_side_for(self._model, self._settings)
        regions = looked_at_regions(area, self._settings, short_side)
        if notice := too_small_notice(self._settings.tiles, area, short_side):
            self._notices.append(notice)
        prepared = prepare_model(self._model, self._settings.precision)
        looked_at = input_size_for(self._model, self._settings)((area[3], area[2]))
        large = None if len(regions) == 1 else whole_from_px(regions, looked_at[0])
        self._merger = TileMerger(regions, large)
        watch = ShotWatch(self._settings.shot_cuts, self._settings.frame_step)
        copies = watch.shared(chain([first], frames), len(regions))  # a clip long: all are in step
        self._runs = [
            VideoPrediction(
                self._model,
                copy,
                replace(self._settings, tiles="", region_xywh=region, score_threshold=0.0),
                self._context.quiet(),
                self._num_frames,
                None,
                prepared=prepared,
            )
            for copy, region in zip(copies, regions, strict=True)
        ]
        for done, seen in enumerate(zip(*self._runs, strict=True), start=1):
            yield self._merger.merge(seen)
            self._context.advance(done, self._num_frames, "finding instances in tiles")
