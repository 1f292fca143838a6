"""What DAVIS folders say of regions and classes."""

import json

import numpy as np
import pytest

from ifc_core.errors import FormatError
from ifc_core.io.davis import read_davis, write_davis
from ifc_core.io.ytvis_types import YtvisFile, YtvisTrack, YtvisVideo
from ifc_core.structures import Category, RLEMask

MASK = RLEMask.from_array(np.eye(10, dtype=bool))


@pytest.fixture
def folder(tmp_path):
    """A video that shows nothing but a crowd region."""
    video = YtvisVideo(1, 10, 10, 1, ("a/0.jpg",))
    crowd = YtvisTrack(1, 1, 1, (MASK,), is_crowd=True)
    write_davis(YtvisFile((video,), (Category(1, "cat"),), (crowd,)), tmp_path / "out")
    return tmp_path / "out"


def test_a_video_that_holds_only_a_crowd_region_comes_back_as_one(folder):
    (track,) = read_davis(folder).tracks
    assert track.is_crowd
    assert track.segmentations == (MASK,)
    (folder / "davis_semantics.json").unlink()  # as DAVIS 2016 has none
    (track,) = read_davis(folder).tracks
    assert not track.is_crowd


def test_a_class_that_utf8_cannot_hold_is_refused(folder):
    (folder / "davis_semantics.json").write_text(json.dumps({"a": {"1": "ca\ud800"}}))
    with pytest.raises(FormatError, match="must map videos to the class"):
        read_davis(folder)
