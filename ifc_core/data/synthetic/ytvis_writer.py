"""Generated clips as a YouTube-VIS dataset on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2

from ifc_core.data.sample import ClipSample
from ifc_core.data.synthetic.scene import render_clip
from ifc_core.data.synthetic.spec import WORLD_CLASSES, ClipSpec
from ifc_core.errors import OutputError
from ifc_core.io.ytvis import YtvisFile, YtvisTrack, YtvisVideo, write_ytvis
from ifc_core.jobs import JobContext
from ifc_core.structures import Category, RLEMask

_JPEG_QUALITY = 92


def write_ytvis_dataset(
    folder: Path | str,
    spec: ClipSpec,
    seeds: Sequence[int],
    context: JobContext | None = None,
) -> Path:
    """Render clips into ``JPEGImages/`` and their masks into ``instances.json``.

    Args:
        folder: Made where missing.
        spec: What the clips look like; frames with partial labels are not written.
        seeds: One a clip.
        context: Told of the clips done; may cancel.

    Returns:
        The annotation file.

    Raises:
        OutputError: A file cannot be written.
        JobCancelled: The job was cancelled; the annotation file is not written then.
    """
    root, job = Path(folder), context or JobContext()
    videos: list[YtvisVideo] = []
    tracks: list[YtvisTrack] = []
    whole = replace(spec, real_fraction=0.0)
    for number, seed in enumerate(seeds, start=1):
        sample = render_clip(seed, whole)
        videos.append(_write_frames(root, number, sample))
        tracks += _tracks(sample, number, len(tracks) + 1)
        job.advance(number, len(seeds), "rendering", unit="clips")
    target = root / "instances.json"
    categories = (Category(1, WORLD_CLASSES[spec.world]),)
    write_ytvis(YtvisFile(tuple(videos), categories, tuple(tracks)), target)
    return target


def _write_frames(root: Path, number: int, sample: ClipSample) -> YtvisVideo:
    folder = root / "JPEGImages" / f"{number:05d}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {folder} cannot be made: {error}.", path=folder) from error
    names = []
    for index, frame in enumerate(sample.frames):
        name = f"{number:05d}/{index:05d}.jpg"
        path = root / "JPEGImages" / name
        bgr = cv2.cvtColor(frame, cv2.COLOR_RGB2BGR)
        if not cv2.imwrite(str(path), bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]):
            raise OutputError(f"The frame {path} cannot be written.", path=path)
        names.append(name)
    height, width = sample.frames.shape[1:3]
    return YtvisVideo(number, height, width, len(names), tuple(names))


def _tracks(sample: ClipSample, video_id: int, first_id: int) -> list[YtvisTrack]:
    return [
        YtvisTrack(
            first_id + row,
            video_id,
            1,
            tuple(RLEMask.from_array(m) if m.any() else None for m in masks),
        )
        for row, masks in enumerate(sample.masks)
    ]
