"""Folders of LabelMe and X-AnyLabeling as an export writes them, and what comes back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from ifc_core.annotation.annotation_files import detect_format
from ifc_core.annotation.annotation_folders import annotation_format
from ifc_core.annotation.exporting import ExportFormat
from ifc_core.errors import FormatError
from ifc_core.io.frame_source import FileFrames
from ifc_core.io.labelme import holds_labelme, iter_labelme
from ifc_core.io.labelme_writing import write_labelme_frames
from ifc_core.io.ytvis_types import YtvisFile, YtvisVideo
from ifc_core.jobs import JobContext

from .two_films import RING, SIZE, two_films


@pytest.fixture
def file() -> YtvisFile:
    return two_films()


def read(folder: Path) -> YtvisFile:
    steps = iter_labelme(folder, JobContext())
    while True:
        try:
            next(steps)
        except StopIteration as end:
            header, tracks = end.value
            return YtvisFile(header.videos, tuple(header.categories), tuple(tracks))


def drawn_as_labelme_does(points: list[list[float]]) -> np.ndarray:
    picture = Image.new("1", SIZE[::-1])
    ImageDraw.Draw(picture).polygon([tuple(point) for point in points], outline=1, fill=1)
    return np.array(picture)


def test_what_is_written_comes_back(file: YtvisFile, tmp_path: Path) -> None:
    write_labelme_frames(FileFrames(file), tmp_path / "out")
    back = read(tmp_path / "out")
    assert sorted(video.file_names for video in back.videos) == sorted(
        video.file_names for video in file.videos
    )
    names = {c.id: c.name for c in back.categories}
    videos = {v.id: v.name for v in back.videos}
    shown = {(videos[t.video_id], names[t.category_id]): t.segmentations for t in back.tracks}
    assert shown == {
        ("my film", "dog"): file.tracks[0].segmentations,
        ("my film", 'größe: "犬" #1'): file.tracks[1].segmentations,
        ("b", "dog"): file.tracks[2].segmentations,
    }


def test_one_folder_of_it_comes_back_alone(file: YtvisFile, tmp_path: Path) -> None:
    write_labelme_frames(FileFrames(file), tmp_path / "out")
    (video,) = read(tmp_path / "out" / "my film").videos
    assert (video.length, video.height, video.width) == (3, *SIZE)


def test_a_file_has_the_keys_that_its_programs_read(file: YtvisFile, tmp_path: Path) -> None:
    write_labelme_frames(FileFrames(file), tmp_path / "out")
    first, empty, _ = sorted((tmp_path / "out" / "my film").iterdir())
    told = json.loads(first.read_text("utf-8"))
    assert (told["imagePath"], told["imageData"]) == ("00003.jpg", None)
    assert (told["imageHeight"], told["imageWidth"]) == SIZE
    assert isinstance(told["version"], str)
    assert told["flags"] == {}
    kinds = [(s["label"], s["group_id"], s["shape_type"]) for s in told["shapes"]]
    assert kinds == [("dog", 7, "polygon")] * 2 + [('größe: "犬" #1', 8, "polygon")]
    assert json.loads(empty.read_text("utf-8"))["shapes"] == []


def test_labelme_itself_would_draw_nearly_the_same(file: YtvisFile, tmp_path: Path) -> None:
    write_labelme_frames(FileFrames(file), tmp_path / "out")
    told = json.loads((tmp_path / "out" / "my film" / "00003.json").read_text("utf-8"))
    (ring,) = (s for s in told["shapes"] if s["group_id"] == 8)
    drawn = drawn_as_labelme_does(ring["points"])
    rim = 4 * (20 + 10) + 20  # it counts the outline in, half a pixel further out
    assert not drawn[12:18, 12:18].any()
    assert (drawn != RING).sum() <= rim


def test_what_lies_on_top_comes_last(file: YtvisFile, tmp_path: Path) -> None:
    source = FileFrames(file)
    heads = [replace(t, z_order=-t.id) for t in source.tracks(1)]
    source.tracks = lambda video_id: heads if video_id == 1 else []  # type: ignore[method-assign]
    write_labelme_frames(source, tmp_path / "out")
    told = json.loads((tmp_path / "out" / "my film" / "00003.json").read_text("utf-8"))
    assert [shape["group_id"] for shape in told["shapes"]] == [8, 7, 7]


def test_a_name_that_is_no_folder_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    videos = tuple(YtvisVideo(n, *SIZE, 1, ("same/0.jpg",)) for n in (1, 2))
    with pytest.raises(FormatError, match="cannot be used as a folder"):
        write_labelme_frames(FileFrames(YtvisFile(videos, (), ())), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_folders_is_known_unless_it_is_one_of_videos(
    file: YtvisFile, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    write_labelme_frames(FileFrames(file), out)
    (out / "zzz").mkdir()
    assert holds_labelme(out)
    assert annotation_format(out) is ExportFormat.LABELME
    assert detect_format(out) is ExportFormat.LABELME
    (out / "film.mp4").write_bytes(b"film")
    assert not holds_labelme(out)
    assert annotation_format(out) is None
    assert not holds_labelme(tmp_path / "nowhere")
