"""A labelled toy video as a folder of pictures."""

import cv2
import numpy as np
import pytest

from ifc_core.data.labelled_video import LabelledTrack, LabelledVideo
from ifc_core.structures import RLEMask

SIZE = (48, 80)


def square_mask(frame, height=48, width=80):
    """A 16 pixel square that moves right by two pixels a frame."""
    mask = np.zeros((height, width), dtype=np.bool_)
    mask[10:26, 4 + 2 * frame : 20 + 2 * frame] = True
    return mask


@pytest.fixture
def video_folder(tmp_path):
    """Ten frames of a red square over noise."""
    folder = tmp_path / "toy"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for frame in range(10):
        picture = rng.integers(0, 60, size=(*SIZE, 3), dtype=np.uint8)
        picture[square_mask(frame)] = (40, 40, 250)  # BGR
        cv2.imwrite(str(folder / f"{frame:05d}.png"), picture)
    return folder


@pytest.fixture
def toy_video(video_folder):
    """A function that labels the toy video on some frames."""

    def label(frames, exhaustive=(), absent=()):
        masks = {f: RLEMask.from_array(square_mask(f)) for f in frames}
        masks |= dict.fromkeys(absent)
        track = LabelledTrack(0, masks)
        return LabelledVideo("toy", video_folder, 10, *SIZE, (track,), frozenset(exhaustive))

    return label
