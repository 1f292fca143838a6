"""What DAVIS folders say of regions and classes."""

import json

import numpy as np
import pytest
from PIL import Image

from ifc_core.errors import FormatError
from ifc_core.io.davis import read_davis, stream_davis, write_davis
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


def put(folder, *frames):
    """Pictures of a row of values each."""
    folder.mkdir(parents=True)
    for number, values in enumerate(frames):
        Image.fromarray(np.array([values], np.uint8)).save(folder / f"{number:05d}.png")


def test_masks_are_read_frame_by_frame_and_not_before_they_are_asked_for(tmp_path):
    put(tmp_path / "a", [1, 0], [0, 2])
    put(tmp_path / "b", [0, 3], [0, 0], [3, 3])
    (tmp_path / "davis_semantics.json").write_text(json.dumps({"b": {"3": "dog", "4": "cat"}}))
    header, tracks = stream_davis(tmp_path)
    assert [(v.name, v.length, v.height, v.width) for v in header.videos] == [
        ("a", 2, 1, 2),
        ("b", 3, 1, 2),
    ]
    steps = tracks.steps()
    assert [next(steps), next(steps)] == [(1, 5), (2, 5)]
    assert [c.name for c in header.categories] == ["object"]
    assert [*steps] == [(3, 5), (4, 5), (5, 5)]
    assert [(c.id, c.name) for c in header.categories] == [(1, "object"), (2, "dog")]
    assert (len(header.categories), header.categories[1].name) == (2, "dog")
    assert [(t.video_id, t.category_id) for t in tracks] == [(1, 1), (1, 1), (2, 2)]
    (tmp_path / "b" / "00002.png").write_bytes(b"no picture")
    _, tracks = stream_davis(tmp_path)
    with pytest.raises(FormatError, match=r"00002\.png is not a picture"):
        list(tracks)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_white_is_a_region_wherever_another_object_is_found(tmp_path, place):
    frames = [[255, 0]] * 3
    frames[place] = [255, 7]
    put(tmp_path / "a", *frames)
    tracks = {track.is_crowd: track for track in read_davis(tmp_path).tracks}
    assert len(tracks) == 2
    assert [mask is not None for mask in tracks[True].segmentations] == [True] * 3
    assert [mask is not None for mask in tracks[False].segmentations] == [
        number == place for number in range(3)
    ]
