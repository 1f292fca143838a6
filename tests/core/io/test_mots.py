"""MOTS folders that claim more than they hold."""

import json

import numpy as np
import pytest

from ifc_core.errors import FormatError
from ifc_core.io.mots import read_mots
from ifc_core.structures import RLEMask

COUNTS = RLEMask.from_array(np.eye(10, dtype=bool)).counts.decode()


@pytest.fixture
def text(tmp_path):
    """A text file of one video; its folder is ``text.parent.parent``."""
    (tmp_path / "k" / "instances_txt").mkdir(parents=True)
    file = tmp_path / "k" / "instances_txt" / "v.txt"
    file.write_text(f"0 1000 1 10 10 {COUNTS}\n")
    return file


@pytest.mark.parametrize("number", ["99999999999999999999", "1000000", "0", "-1"])
def test_a_class_that_no_id_has_room_for_is_refused(text, number):
    folder = text.parent.parent
    (folder / "categories.json").write_text(json.dumps({"1": "cat", number: "dog"}))
    with pytest.raises(FormatError, match="must map class numbers to names"):
        read_mots(folder)


def test_a_class_that_utf8_cannot_hold_is_refused(text):
    folder = text.parent.parent
    (folder / "categories.json").write_text(json.dumps({"1": "ca\ud800"}))
    with pytest.raises(FormatError, match="must map class numbers to names"):
        read_mots(folder)


@pytest.mark.parametrize("frame", [1_000_000, 9_999_999])
def test_one_line_does_not_make_a_video_of_millions_of_frames(text, frame):
    text.write_text(text.read_text() + f"{frame} 1000 1 10 10 {COUNTS}\n")
    with pytest.raises(FormatError, match=rf"line 2: frame {frame} is too far; .* 1,000,000"):
        read_mots(text.parent.parent)


def test_a_frame_far_away_is_read_where_it_is_listed(text):
    text.write_text(f"5000000 1000 1 10 10 {COUNTS}\n")
    (text.parent.parent / "frames.json").write_text(json.dumps({"v": [4_999_999, 5_000_000]}))
    (video,) = read_mots(text.parent.parent).videos
    assert video.file_names == ("v/4999999.jpg", "v/5000000.jpg")
