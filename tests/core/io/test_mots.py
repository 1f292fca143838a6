"""MOTS folders that claim more than they hold."""

import json

import numpy as np
import pytest
from PIL import Image

from ifc_core.errors import FormatError
from ifc_core.io.mots import iter_mots, read_mots, stream_mots
from ifc_core.jobs import JobCancelled, JobContext
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


def test_pictures_are_read_frame_by_frame_and_not_before_they_are_asked_for(tmp_path):
    for name, values in (("a", [1000, 2000]), ("b", [0, 7003, 7003])):
        (tmp_path / "instances" / name).mkdir(parents=True)
        for number, value in enumerate(values):
            picture = Image.fromarray(np.full((2, 3), value, np.uint16))
            picture.save(tmp_path / "instances" / name / f"{number:06d}.png")
    header, tracks = stream_mots(tmp_path)
    assert [(v.name, v.length, v.height, v.width) for v in header.videos] == [
        ("a", 2, 2, 3),
        ("b", 3, 2, 3),
    ]
    steps = tracks.steps()
    assert next(steps) == (1, 5)
    assert [*steps] == [(number, 5) for number in range(2, 6)]
    assert [(c.id, c.name) for c in header.categories] == [
        (1, "car"),
        (2, "pedestrian"),
        (7, "class 7"),
    ]
    assert [(t.video_id, t.category_id) for t in tracks] == [(1, 1), (1, 2), (2, 7)]
    Image.fromarray(np.full((3, 3), 1000, np.uint16)).save(file := tmp_path / "instances/b/9.png")
    _, tracks = stream_mots(tmp_path)
    with pytest.raises(FormatError, match="differs in size"):
        list(tracks)
    file.write_bytes(b"no picture")
    _, tracks = stream_mots(tmp_path)
    with pytest.raises(FormatError, match="not a picture"):
        list(tracks)


@pytest.mark.parametrize("order", [1, -1])
def test_text_is_read_in_as_many_steps_as_its_video_has_frames(text, order):
    lines = [f"{frame} {label} 1 10 10 {COUNTS}" for frame in (0, 3, 4) for label in (1000, 1001)]
    text.write_text("\n".join(lines[::order]) + "\n\n")
    header, tracks = stream_mots(text.parent.parent)
    assert [video.length for video in header.videos] == [5]
    steps = tracks.steps()
    assert next(steps) == (1, 5)
    assert [*steps] == [(number, 5) for number in range(2, 6)]
    assert [sum(mask is not None for mask in track.segmentations) for track in tracks] == [3, 3]


def test_text_of_fewer_lines_than_frames_has_as_many_steps(text):
    text.write_text(f"40 1000 1 10 10 {COUNTS}\n")
    _, tracks = stream_mots(text.parent.parent)
    assert [*tracks.steps()] == [(number, 41) for number in range(1, 42)]


def test_what_is_written_to_a_text_while_it_is_read_is_told(text):
    _, tracks = stream_mots(text.parent.parent)
    text.write_text(text.read_text() + f"7 1000 1 10 10 {COUNTS}\n")
    with pytest.raises(FormatError, match=r"line 2: .*does not list frame 7"):
        list(tracks)


def test_a_text_is_looked_through_in_steps_that_can_be_cancelled(text, monkeypatch):
    monkeypatch.setattr("ifc_core.io.mots._LINES_A_STEP", 4)
    lines = [f"{frame} 1000 1 10 10 {COUNTS}\n" for frame in range(10)]
    text.write_text("".join(lines))
    text.with_name("w.txt").write_text("".join(lines[:3]))
    told = [(step.done, step.unit) for step in iter_mots(text.parent.parent, JobContext())]
    assert told == [(4, "lines"), (8, "lines"), (12, "lines")]
    header, _ = stream_mots(text.parent.parent)
    assert [video.length for video in header.videos] == [10, 3]
    context = JobContext()
    steps = iter_mots(text.parent.parent, context)
    next(steps)
    context.cancel()
    with pytest.raises(JobCancelled):
        next(steps)


@pytest.mark.parametrize(("frame", "is_read"), [(21_999, True), (22_000, False), (900_000, False)])
def test_a_few_lines_do_not_make_a_long_video(text, frame, is_read):
    text.write_text(text.read_text() + f"{frame} 1000 1 10 10 {COUNTS}\n")
    if is_read:
        (video,) = read_mots(text.parent.parent).videos
        assert (video.length, video.is_open) == (frame + 1, True)
        return
    with pytest.raises(FormatError, match=rf"line 2: frame {frame} is too far for a text of 2 mas"):
        read_mots(text.parent.parent)
    (text.parent.parent / "frames.json").write_text(json.dumps({"v": [0, frame]}))
    (video,) = read_mots(text.parent.parent).videos
    assert (video.length, video.is_open) == (2, False)
