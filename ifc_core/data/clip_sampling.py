"""Which frames make a training clip, and the clip itself."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.data.labelled_video import FrameStore, LabelledVideo
from ifc_core.data.sample import LEAST_AREA_PX, ClipSample
from ifc_core.structures import RLEMask

INTERVAL_FRAMES = 20

_CUT = 0.5  # of a pixel that a mask has to cover


def sample_frames(
    reference: int,
    num_frames: int,
    candidates: Sequence[int],
    rng: np.random.Generator,
    interval: int = INTERVAL_FRAMES,
) -> list[int]:
    """Choose the frames of a clip around a reference frame.

    Args:
        reference: Always part of the clip.
        num_frames: T.
        candidates: Frames that may be drawn, sorted.
        rng: Source of chance.
        interval: Largest distance from the reference in frames.

    Returns:
        T frames, sorted; one may occur more than once.

    Source: paper section 4.1 and the published code: the reference frame, and T - 1 frames
        within 20 of it, drawn with replacement.
    """
    pool = np.asarray(candidates)
    near = pool[np.abs(pool - reference) <= interval]
    if not len(near):
        near = np.array([reference])
    drawn = rng.choice(near, size=num_frames - 1, replace=True)
    return sorted([reference, *(int(f) for f in drawn)])


def build_clip(
    video: LabelledVideo, frames: Sequence[int], size: tuple[int, int], store: FrameStore
) -> ClipSample:
    """Read a clip with its masks.

    Tracks about which nothing is known on these frames are left out: on frames that are not
    exhaustive their ground counts as unreviewed. Of a frame that cannot be decoded nothing is
    known, whatever its labels say: the picture is a neighbour's. An object that is not to be seen
    at this size is not known on its frame, and its ground there is unclear.

    Args:
        video: Its video.
        frames: T frame indices.
        size: (height, width) in pixels that everything is resized to.
        store: Reads the pictures.

    Returns:
        The clip; masks are resized by pixel area and cut at one half.
    """
    pictures = np.stack([store.read(video, f, size) for f in frames])
    sound = [None if store.is_broken(video, f) else f for f in frames]
    exhaustive = np.array([f in video.exhaustive for f in sound])
    kept = [t for t in video.tracks if any(f in t.masks for f in sound)]
    masks = np.zeros((len(kept), len(frames), *size), dtype=np.bool_)
    valid = np.zeros((len(kept), len(frames)), dtype=np.bool_)
    unclear = np.zeros(pictures.shape[:3], dtype=np.bool_)
    for row, track in enumerate(kept):
        for t, frame in enumerate(sound):
            valid[row, t] = frame in track.masks or exhaustive[t]
            rle = None if frame is None else track.masks.get(frame)
            if rle is not None:
                shape, is_seen = _seen(rle, size)
                if is_seen:
                    masks[row, t] = shape
                else:
                    valid[row, t], unclear[t] = False, unclear[t] | shape
    return ClipSample(
        frames=pictures,
        masks=masks,
        labels=np.array([t.label for t in kept], dtype=np.int64),
        valid=valid,
        exhaustive=exhaustive,
        damaged=tuple(
            f"frame {frame} of {video.name}"
            for frame, known in zip(frames, sound, strict=True)
            if known is None
        ),
        unclear=unclear if unclear.any() else None,
    )


def _seen(rle: RLEMask, size: tuple[int, int]) -> tuple[npt.NDArray[np.bool_], bool]:
    """A mask at another size; false and its ground where nothing is to be seen of it."""
    small, is_seen = _shrunk(rle, size)
    return small.to_array(), is_seen


@lru_cache(maxsize=4096)
def _shrunk(rle: RLEMask, size: tuple[int, int]) -> tuple[RLEMask, bool]:
    """Kept: many masks of a large frame take longer to shrink than a step of training.

    As RLE each takes a few hundred bytes, whatever the size.
    """
    share = _shares(rle.to_array(), size)
    mask = share >= _CUT
    is_seen = bool(mask.any()) and share.sum() >= LEAST_AREA_PX
    shown = mask if is_seen else share > 0
    return RLEMask.from_array(shown), is_seen or not shown.any()


def resize_mask(mask: npt.NDArray[np.bool_], size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Resize a (H, W) mask to ``size`` (height, width) by pixel area, cut at one half."""
    if mask.shape == size:
        return np.ascontiguousarray(mask)
    return np.asarray(_shares(mask, size) >= _CUT)


def _shares(mask: npt.NDArray[np.bool_], size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """How much of each pixel of another size a mask covers, 0 to 1."""
    whole = np.ascontiguousarray(mask, dtype=np.float32)
    if mask.shape == size:
        return whole
    how = cv2.INTER_AREA if size[0] < mask.shape[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(whole, size[::-1], interpolation=how), dtype=np.float32)
