"""What several benches measure on."""

from pathlib import Path

import cv2
import pytest

from ifc_core.data.synthetic import ClipSpec, render_clip
from ifc_core.io.ytvis import YtvisFile, YtvisTrack, YtvisVideo, write_ytvis
from ifc_core.structures import Category, RLEMask


@pytest.fixture
def labelled_folder(tmp_path: Path) -> Path:
    """One clip of eight frames as a folder of frames, with its labels."""
    sample = render_clip(4, ClipSpec(height=64, width=96, num_frames=8, difficulty="easy"))
    (tmp_path / "clip").mkdir()
    names = []
    for index, frame in enumerate(sample.frames):
        names.append(f"clip/{index:05d}.png")
        cv2.imwrite(str(tmp_path / names[-1]), frame[..., ::-1])
    tracks = tuple(
        YtvisTrack(i, 1, 7, tuple(RLEMask.from_array(m) if m.any() else None for m in masks))
        for i, masks in enumerate(sample.masks, start=1)
    )
    content = YtvisFile((YtvisVideo(1, 64, 96, 8, tuple(names)),), (Category(7, "thing"),), tracks)
    write_ytvis(content, tmp_path / "clip_ytvis.json")
    return tmp_path
