"""A tiny clip, projects on it, and a studio in a real (virtual) window."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def clip(tmp_path):
    """A folder of ten small frames, each of its own colour."""
    from fake_engine import NUM_FRAMES, SIZE

    folder = tmp_path / "clip"
    folder.mkdir()
    for number in range(NUM_FRAMES):
        frame = np.full((*SIZE, 3), (20 * number, 100, 255 - 20 * number), np.uint8)
        cv2.imwrite(str(folder / f"{number:05d}.png"), frame)
    return folder


@pytest.fixture
def session(clip, tmp_path):
    """An open session on the clip."""
    from napari_ifc.controllers.session import open_session

    opened = open_session(clip, tmp_path / "projects")
    yield opened
    opened.reader.close()
    opened.project.close()
