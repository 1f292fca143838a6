"""Folders of LabelMe and X-AnyLabeling: a JSON of shapes beside each picture."""

from __future__ import annotations

import base64
import io
import json
import shutil
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ifc_core.annotation import Project
from ifc_core.annotation.annotation_files import detect_format
from ifc_core.annotation.annotation_folders import annotation_format, named_format
from ifc_core.annotation.exporting import ExportFormat
from ifc_core.annotation.importing import import_annotations
from ifc_core.errors import FormatError
from ifc_core.io.labelme import iter_labelme
from ifc_core.io.video import open_video
from ifc_core.io.ytvis_types import YtvisFile
from ifc_core.jobs import JobCancelled, JobContext
from ifc_core.structures import TrackKind

SIZE = (48, 80)
SQUARE = {
    "label": "dog",
    "shape_type": "polygon",
    "points": [[10, 10], [30, 10], [30, 20], [10, 20]],
}


def coded(mask: np.ndarray) -> str:
    """A mask as LabelMe keeps it."""
    kept = io.BytesIO()
    Image.fromarray(mask).save(kept, "PNG")
    return base64.b64encode(kept.getvalue()).decode()


def read_labelme(place: Path, context: JobContext | None = None) -> YtvisFile:
    steps = iter_labelme(place, context or JobContext())
    while True:
        try:
            next(steps)
        except StopIteration as end:
            header, tracks = end.value
            return YtvisFile(header.videos, header.categories, tuple(tracks))


def write(path: Path, *shapes: dict[str, Any], **more: Any) -> Path:
    """A file of the picture of its name."""
    raw = {"version": "5.4", "flags": {}, "shapes": shapes, "imagePath": f"{path.stem}.png"}
    raw |= {"imageData": None, "imageHeight": SIZE[0], "imageWidth": SIZE[1], **more}
    path.write_text(json.dumps(raw))
    return path


@pytest.fixture
def folder(tmp_path: Path, clip_folder: Path) -> Path:
    """The frames of a clip with nothing beside them."""
    return Path(shutil.copytree(clip_folder, tmp_path / "dogs"))


def stems(folder: Path) -> list[str]:
    return [path.stem for path in sorted(folder.glob("*.png"))]


def test_shapes_of_a_group_are_a_track_through_the_pictures(folder: Path) -> None:
    names = stems(folder)
    for name in (names[1], names[4]):
        second = SQUARE | {"points": [[40, 10], [50, 10], [50, 20]], "group_id": 3}
        alone = SQUARE | {"label": "cat", "group_id": None}
        write(folder / f"{name}.json", SQUARE | {"group_id": 3}, second, alone)
    write(folder / f"{names[5]}.json")  # looked at, and nothing is there
    assert annotation_format(folder) is None  # it is opened as the video that it is
    assert named_format(folder) is ExportFormat.LABELME
    with Project.create(folder.parent / "p.ifcproj") as project:
        report = import_annotations(project, folder)
        assert (report.videos, report.tracks, report.missing_videos) == (1, 3, ())
        (video,) = project.videos()
        assert (video.name, video.num_frames) == ("dogs", len(names))
        assert project.exhaustive_frames(1) == [1, 4, 5]  # others have no file
        shown = [frame for frame in range(len(names)) if project.masks_at(1, frame)]
        assert shown == [1, 4]
        dog = next(track for track in project.tracks(1) if track.name == "3")
        rle = project.mask(dog.id, 4).rle
        assert rle.to_array()[15, 20]
        assert rle.to_array()[11, 48]
        assert not rle.to_array()[15, 35]


def test_masks_and_circles_are_where_they_were_drawn(tmp_path: Path) -> None:
    mask = np.tri(6, 9) > 0
    drawn = {
        "label": "a",
        "shape_type": "mask",
        "points": [[20, 30], [28, 35]],
        "mask": coded(mask),
    }
    circle = {"label": "b", "shape_type": "circle", "points": [[40, 20], [40, 30]]}
    file = read_labelme(write(tmp_path / "0.json", drawn, circle))
    pasted, disc = (track.segmentations[0].to_array() for track in file.tracks)
    expected = np.zeros(SIZE, bool)
    expected[30:36, 20:29] = mask
    np.testing.assert_array_equal(pasted, expected)
    assert abs(disc.sum() - np.pi * 100) < 25
    assert disc[20, 40]


def test_boxes_are_no_masks_and_points_leave_frames_incomplete(folder: Path) -> None:
    box = {"label": "dog", "shape_type": "rectangle", "points": [[1, 1], [20, 20]]}
    point = {"label": "nose", "shape_type": "point", "points": [[5, 5]]}
    write(folder / f"{stems(folder)[0]}.json", SQUARE, box, point)
    with Project.create(folder.parent / "p.ifcproj") as project:
        report = import_annotations(project, folder)
        kinds = sorted(track.kind for track in project.tracks(1))
        assert kinds == sorted([TrackKind.OBJECT, TrackKind.CROWD])
        assert project.exhaustive_frames(1) == []
        assert not report.believed_complete
        assert "1 x point" in " ".join(report.notes)


def test_classes_have_colours_of_their_own_where_a_point_was_left_out(folder: Path) -> None:
    point = {"label": "nose", "shape_type": "point", "points": [[5, 5]]}
    write(folder / f"{stems(folder)[0]}.json", SQUARE, SQUARE | {"label": "cat"}, point)
    with Project.create(folder.parent / "p.ifcproj") as project:
        import_annotations(project, folder)
        assert len({category.color_rgb for category in project.categories()}) == 2


def test_one_file_is_known_by_its_shapes(folder: Path) -> None:
    path = write(
        folder / f"{stems(folder)[2]}.json", SQUARE, imagePath="..\\x\\" + stems(folder)[2] + ".png"
    )
    assert detect_format(path) is ExportFormat.LABELME
    with Project.create(folder.parent / "p.ifcproj") as project:
        assert import_annotations(project, path).missing_videos == ()
        assert len(project.masks_at(1, 2)) == 1


def test_files_apart_from_their_pictures_find_the_video_that_has_these(folder: Path) -> None:
    apart = folder.parent / "labels"
    apart.mkdir()
    for name in stems(folder)[3:5]:
        write(apart / f"{name}.json", SQUARE)
    assert annotation_format(apart) is ExportFormat.LABELME
    with Project.create(folder.parent / "p.ifcproj") as project, open_video(folder) as reader:
        project.add_video(reader.video)
        report = import_annotations(project, apart)
        assert (report.videos, report.missing_videos) == (0, ())
        shown = [frame for frame in range(len(stems(folder))) if project.masks_at(1, frame)]
        assert shown == [3, 4]


@pytest.mark.parametrize(
    ("shapes", "more", "reason"),
    [
        ([SQUARE | {"label": " "}], {}, "expected a name"),
        ([SQUARE | {"points": [[1, 2], [3]]}], {}, "cannot be read"),
        ([SQUARE | {"points": [[1, 2], [3, 4]]}], {}, "at least three points"),
        ([SQUARE | {"points": [[1, 2], [3, 1e30], [4, 5]]}], {}, "outside its frame"),
        ([SQUARE | {"shape_type": "mask", "mask": "no"}], {}, "cannot be read"),
        ([7], {}, "must be an object"),
        ([], {"imageHeight": None}, "no size of a picture"),
        ([], {"imageHeight": 1 << 40}, "no size of a picture"),
    ],
)
def test_what_is_broken_is_named(tmp_path: Path, shapes, more, reason: str) -> None:
    path = write(tmp_path / "0.json", *shapes, **more)
    with pytest.raises(FormatError, match=reason):
        read_labelme(path)


def test_a_mask_that_leaves_its_picture_is_refused(tmp_path: Path) -> None:
    for at in ([[75, 30], [83, 35]], [[-1, 0], [5, 5]]):
        mask = {"label": "a", "shape_type": "mask", "points": at, "mask": coded(np.tri(6, 9) > 0)}
        with pytest.raises(FormatError, match="outside its frame"):
            read_labelme(write(tmp_path / "0.json", mask))


def test_other_folders_hold_no_shapes(tmp_path: Path, folder: Path) -> None:
    (folder / "notes.json").write_text('{"images": [], "shapes": []}')
    assert annotation_format(folder) is None
    with pytest.raises(FormatError, match="no JSON files of LabelMe"):
        read_labelme(folder)


def test_a_polygon_that_reaches_over_the_edge_keeps_its_slope(tmp_path: Path) -> None:
    reaching = SQUARE | {"points": [[-40, 24], [40, 0], [40, 48]]}
    cut = SQUARE | {"points": [[0, 12], [40, 0], [40, 48], [0, 36]]}
    masks = [
        read_labelme(write(tmp_path / "0.json", told)).tracks[0].segmentations[0]
        for told in (reaching, cut)
    ]
    assert (masks[0].to_array() != masks[1].to_array()).sum() <= 2  # pixels that are cut in half


def test_a_mask_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    small = base64.b64decode(coded(np.tri(6, 9) > 0))
    head = b"IHDR" + (60_000).to_bytes(4, "big") * 2 + small[24:29]
    bomb = small[:12] + head + zlib.crc32(head).to_bytes(4, "big") + small[33:]
    told = SQUARE | {"shape_type": "mask", "mask": base64.b64encode(bomb).decode()}
    with pytest.raises(FormatError, match="cannot be read"):
        read_labelme(write(tmp_path / "0.json", told))


def test_reading_can_be_stopped_after_each_picture(folder: Path) -> None:
    for name in stems(folder):
        write(folder / f"{name}.json", SQUARE)
    context = JobContext()
    steps = iter_labelme(folder, context)
    assert [(next(steps).done, next(steps).done)] == [(1, 2)]
    context.cancel()
    with pytest.raises(JobCancelled):
        next(steps)
