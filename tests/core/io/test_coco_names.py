"""Names of tracks in COCO files."""

import json

import numpy as np
import pytest

from ifc_core.errors import FormatError
from ifc_core.io.coco import read_coco, write_coco
from ifc_core.io.ytvis_types import YtvisFile, YtvisTrack, YtvisVideo
from ifc_core.structures import Category, RLEMask


@pytest.fixture
def file():
    """Two frames with two tracks, of which one has a name."""
    array = np.zeros((4, 6), bool)
    array[1:3, 2:4] = True
    masks = (RLEMask.from_array(array),) * 2
    video = YtvisVideo(1, 4, 6, 2, ("a/0.jpg", "a/1.jpg"))
    tracks = (YtvisTrack(1, 1, 1, masks, label="Zoë"), YtvisTrack(2, 1, 1, masks))
    return YtvisFile((video,), (Category(1, "player"),), tracks)


def test_a_name_is_kept_and_nameless_tracks_have_no_key(file, tmp_path):
    path = tmp_path / "a.json"
    write_coco(file, path)
    raw = json.loads(path.read_text("utf-8"))["annotations"]
    assert [a.get("instance_name") for a in raw] == ["Zoë", "Zoë", None, None]
    assert [track.label for track in read_coco(path).tracks] == ["Zoë", ""]


def test_a_name_that_is_no_text_is_refused(file, tmp_path):
    path = tmp_path / "a.json"
    write_coco(file, path)
    raw = json.loads(path.read_text("utf-8"))
    raw["annotations"][0]["instance_name"] = 7
    path.write_text(json.dumps(raw), "utf-8")
    with pytest.raises(FormatError, match="instance_name"):
        read_coco(path)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("instance_name", "Rex\x1b[2J", "control characters"),
        ("instance_name", "x" * 1001, "1,001 letters"),
        ("iscrowd", "yes", "expected 0 or 1"),
        ("iscrowd", 2, "expected 0 or 1"),
    ],
)
def test_a_name_and_a_crowd_are_what_they_should_be(file, tmp_path, key, value, told):
    path = tmp_path / "a.json"
    write_coco(file, path)
    data = json.loads(path.read_text())
    data["annotations"][0][key] = value
    path.write_text(json.dumps(data))
    with pytest.raises(FormatError, match=rf"annotations\[0\]\.{key}: .*{told}"):
        read_coco(path)
