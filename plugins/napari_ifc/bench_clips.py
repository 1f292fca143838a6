"""Clips and tracks that the bench of the window makes for itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from ifc_core.annotation import Project, edits
from ifc_core.annotation.edits import ImportedTrack, ImportTracks
from ifc_core.structures import Category, MaskSource, RLEMask, TrackKind, TrackState
from ifc_core.structures.rle_runs import patch_mask

_MOST_SHAPES = 20_000  # different masks of a video; no frame shows one that was drawn before
_COVERED = 1 / 300  # share of the frame under one mask: 300 tracks cover it about once
_PROPOSED, _MODEL = 0, 0


def write_clip(path: Path, size: tuple[int, int], num_frames: int) -> None:
    """An H.264 film of a square that moves over a gradient.

    Args:
        path: The file.
        size: (height, width), even numbers.
        num_frames: Its length.
    """
    height, width = size
    ramp = np.linspace(30, 200, width, dtype=np.uint8)
    ground: npt.NDArray[np.uint8] = np.broadcast_to(ramp[None, :, None], (height, width, 3)).copy()
    with av.open(str(path), "w") as container:
        options = {"preset": "ultrafast", "g": "12"}
        stream = container.add_stream("libx264", rate=30, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for t in range(num_frames):
            picture = ground.copy()
            left = (t * width // (2 * num_frames)) // 2 * 2
            picture[height // 3 : height // 2, left : left + width // 8] = (230, 60, 40)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))


def fill_video(project: Project, video_id: int, tracks: Sequence[range], seed: int = 0) -> None:
    """Give a video proposed tracks, as one import would; each mask changes with each frame.

    Args:
        project: The project.
        video_id: The video.
        tracks: Frames of each.
        seed: Of the shapes.
    """
    entry = project.video(video_id)
    count = min(_MOST_SHAPES, max(1, sum(map(len, tracks))))
    shapes = _blobs(entry.size, np.random.default_rng(seed), count)
    areas = [shape.area for shape in shapes]
    made = []
    for number, frames in enumerate(tracks):
        turn = [(number + f * len(tracks)) % count for f in frames]
        ids = project.append_records([(shapes[i], MaskSource.MODEL) for i in turn])
        pointers = np.array(
            [
                (f, mask_id, _PROPOSED, 1, _MODEL, areas[i])
                for f, mask_id, i in zip(frames, ids, turn, strict=True)
            ]
        )
        header = (0.7, TrackState.PROPOSED, None, "", TrackKind.OBJECT)
        made.append(ImportedTrack(video_id, 1, *header, pointers))
    if not project.categories():
        project.apply(edits.SetCategory(Category(1, "thing")))
    categories = {c.id: c for c in project.categories()}
    project.apply(ImportTracks("bench", {video_id: video_id}, categories, tuple(made), {}))


def _blobs(size: tuple[int, int], rng: np.random.Generator, count: int) -> list[RLEMask]:
    """Ellipses of the frame's shape, all over it."""
    height, width = size
    radius = np.sqrt(_COVERED / np.pi)  # as a share of either side
    tall, wide = max(1, round(radius * height)), max(1, round(radius * width))
    rows, columns = np.ogrid[-tall : tall + 1, -wide : wide + 1]
    ellipse = ((rows / tall) ** 2 + (columns / wide) ** 2 <= 1).astype(np.uint8)
    masks = []
    for _ in range(count):
        top = int(rng.integers(0, height - 2 * tall))
        left = int(rng.integers(0, width - 2 * wide))
        masks.append(patch_mask(None, size, top, left, ellipse))
    return masks
