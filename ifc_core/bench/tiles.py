"""``ifc-studio bench tiles``: small objects in a large frame, at once and in tiles.

Labelled objects of real clips are cut out, brought to a few pixels and set onto an enlarged
frame of the sample, where they move on; each keeps its true mask.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

import ifc_resources
from ifc_core.bench.machine import machine_facts
from ifc_core.bench.model import clip_path
from ifc_core.errors import ConfigError
from ifc_core.inference.results import FrameResult
from ifc_core.inference.settings import ProposeSettings
from ifc_core.inference.tiling import predict, tile_counts
from ifc_core.io.video import open_video
from ifc_core.io.ytvis import read_ytvis
from ifc_core.models.ifc import IFC
from ifc_core.models.registry import load_model
from ifc_core.structures import RLEMask

Image = npt.NDArray[np.uint8]
_FOUND_J = 0.5


@dataclass(frozen=True, slots=True)
class TilesOptions:
    """What is measured.

    Attributes:
        data: Folder with ``*_ytvis.json`` files and their clips.
        model: Name or file of the weights.
        height: Of the large frame in pixels.
        width: Of the large frame in pixels.
        sizes: Long side of the objects in pixels, one run each.
        tiles: What is compared, ``whole`` for the frame at once.
        objects: In a frame.
        num_frames: Of each run.
        speed_px: An object's way from frame to frame.
        clip_length: T.
        short_side: Of the network's input in pixels; ``None`` takes the model's own.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
    """

    data: Path | None = None
    model: str = "default"
    height: int = 2160
    width: int = 3840
    sizes: tuple[int, ...] = (12, 24, 48, 96)
    tiles: tuple[str, ...] = ("whole", "auto", "8x8")
    objects: int = 24
    num_frames: int = 8
    speed_px: float = 3.0
    clip_length: int = 5
    short_side: int | None = None
    device: str = "cpu"


@dataclass(frozen=True, slots=True)
class CutOut:
    """An object on its own.

    Attributes:
        image: (h, w, 3) uint8, cut to the box of the mask.
        mask: (h, w) bool.
    """

    image: Image
    mask: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class LargeScene:
    """A large picture with small objects.

    Attributes:
        ground: (H, W, 3) uint8.
        views: For each object its looks, frame by frame.
        starts: (n, 2) top left corners as (y, x) on the first frame.
        steps: (n, 2) pixels that each moves in a frame.
    """

    ground: Image
    views: tuple[tuple[CutOut, ...], ...]
    starts: npt.NDArray[np.float64]
    steps: npt.NDArray[np.float64]

    def frame(self, number: int) -> tuple[Image, dict[int, RLEMask]]:
        """A frame, and the true mask of each object."""
        picture = self.ground.copy()
        truth = {}
        for index, views in enumerate(self.views):
            view = views[number % len(views)]
            height, width = view.mask.shape
            y, x = np.round(self.starts[index] + number * self.steps[index]).astype(int)
            picture[y : y + height, x : x + width][view.mask] = view.image[view.mask]
            whole = np.zeros(self.ground.shape[:2], dtype=np.bool_)
            whole[y : y + height, x : x + width] = view.mask
            truth[index] = RLEMask.from_array(whole)
        return picture, truth


def run_tiles(options: TilesOptions) -> dict[str, Any]:
    """Measure.

    Returns:
        ``rows``: for each size and each way of looking the mean J of the best track of an
        object, the objects found (mean J of at least 0.5), changes of the track that covers
        one, tracks, seconds.

    Raises:
        ConfigError: There is no folder of labelled clips.
    """
    if options.data is None:
        raise ConfigError("This bench needs --data.", name="data", value=None)
    model = load_model(options.model, options.device)
    cut = list(cut_outs(options.data, options.num_frames))
    if not cut:
        raise ConfigError(
            f"{options.data} holds no labelled object.", name="data", value=str(options.data)
        )
    rows = []
    for size in options.sizes:
        scene = make_scene(cut, size, options)
        rows += [look(model, scene, size, tiles, options) for tiles in options.tiles]
    return {
        "machine": machine_facts(),
        "options": asdict(options) | {"data": str(options.data)},
        "rows": rows,
    }


def cut_outs(data: Path, num_frames: int) -> Iterator[tuple[CutOut, ...]]:
    """The labelled objects of a folder, each over its first frames with a mask."""
    for file in sorted(data.glob("*_ytvis.json")):
        content = read_ytvis(file)
        for track in content.tracks:
            video = next(v for v in content.videos if v.id == track.video_id)
            there = [i for i, m in enumerate(track.segmentations) if m is not None and m.area]
            with open_video(clip_path(data, video)) as reader:
                looks = []
                for index in there[:num_frames]:
                    rle = track.segmentations[index]
                    if rle is None:
                        continue
                    x, y, w, h = (int(v) for v in rle.bbox_xywh)
                    part = (slice(y, y + h), slice(x, x + w))
                    looks.append(CutOut(reader.read(index)[part].copy(), rle.to_array()[part]))
            if looks:
                yield tuple(looks)


def make_scene(cut: list[tuple[CutOut, ...]], size_px: int, options: TilesOptions) -> LargeScene:
    """Objects on a grid of places, each moving in a direction of its own.

    Args:
        cut: Objects, used in turns.
        size_px: Long side of each.
        options: Of the bench.
    """
    rng = np.random.default_rng(size_px)
    with open_video(ifc_resources.path("sample/bedroom.mp4")) as reader:
        ground = cv2.resize(reader.read(0), (options.width, options.height))
    columns = int(np.ceil(np.sqrt(options.objects * 16 / 9)))
    rows = int(np.ceil(options.objects / columns))
    cell = np.array([options.height / rows, options.width / columns])
    places = np.array([divmod(i, columns) for i in range(options.objects)])
    room = np.maximum(1.0, cell - size_px - 2 * options.num_frames * options.speed_px)
    starts = places * cell + options.num_frames * options.speed_px
    starts = starts + rng.uniform(0, 1, starts.shape) * room
    angles = rng.uniform(0, 2 * np.pi, options.objects)
    steps = options.speed_px * np.stack([np.sin(angles), np.cos(angles)], 1)
    views = [
        tuple(_shrunk(view, size_px) for view in cut[i % len(cut)]) for i in range(options.objects)
    ]
    return LargeScene(np.asarray(ground, dtype=np.uint8), tuple(views), starts, steps)


def _shrunk(view: CutOut, size_px: int) -> CutOut:
    scale = size_px / max(view.mask.shape)
    height, width = (max(2, round(side * scale)) for side in view.mask.shape)
    image = cv2.resize(view.image, (width, height), interpolation=cv2.INTER_AREA)
    share = cv2.resize(view.mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    return CutOut(np.asarray(image, dtype=np.uint8), share >= min(0.5, float(share.max())))


def look(
    model: IFC, scene: LargeScene, size_px: int, tiles: str, options: TilesOptions
) -> dict[str, Any]:
    """One run over one scene.

    Args:
        model: On its device.
        scene: What is looked at.
        size_px: Of its objects.
        tiles: A value of ``ProposeSettings.tiles``, or ``whole``.
        options: Of the bench.
    """
    settings = ProposeSettings(
        clip_length=options.clip_length,
        short_side=options.short_side,
        tiles="" if tiles == "whole" else tiles,
        score_threshold=0.0,
    )
    truth: list[dict[int, RLEMask]] = []

    def frames() -> Iterator[tuple[int, Image]]:
        for number in range(options.num_frames):
            picture, masks = scene.frame(number)
            truth.append(masks)
            yield number, picture

    began, cpu_began = time.perf_counter(), time.process_time()
    run = predict(model, frames(), settings, num_frames=options.num_frames)
    results = list(run)
    short_side = options.short_side or model.preferences.short_side
    counts = (1, 1)
    if settings.tiles:
        counts = tile_counts(tiles, (options.height, options.width), short_side)
    return {
        "object_px": size_px,
        "tiles": f"{counts[0]}x{counts[1]}",
        **judge(truth, results),
        "tracks": len(run.instances),
        "seconds": time.perf_counter() - began,
        "processor_seconds": time.process_time() - cpu_began,
    }


def judge(truth: list[dict[int, RLEMask]], results: list[FrameResult]) -> dict[str, Any]:
    """Mean J of the best track of each object, objects found, and changes of the covering track.

    Args:
        truth: True masks, frame by frame.
        results: What was proposed.
    """
    best, switches = [], 0
    for index in truth[0]:
        totals: dict[int, float] = {}
        holders = []
        for masks, result in zip(truth, results, strict=True):
            ious = {m.instance_id: masks[index].iou(m.rle) for m in result.masks}
            for instance, iou in ious.items():
                totals[instance] = totals.get(instance, 0.0) + iou
            holder = max(ious, key=lambda i: ious[i], default=None)
            if holder is not None and ious[holder] >= _FOUND_J:
                holders.append(holder)
        best.append(max(totals.values(), default=0.0) / len(truth))
        switches += sum(a != b for a, b in pairwise(holders))
    return {
        "mean_j": float(np.mean(best)),
        "found": sum(value >= _FOUND_J for value in best),
        "objects": len(best),
        "switches": switches,
    }
