"""Labels as other programs write them: TIFF stacks, and a picture a frame under any name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import tifffile

from ifc_core.annotation import Project
from ifc_core.annotation.annotation_files import detect_format
from ifc_core.annotation.annotation_folders import annotation_format, named_format
from ifc_core.annotation.edits import AddVideo
from ifc_core.annotation.exporting import ExportFormat
from ifc_core.annotation.importing import import_annotations
from ifc_core.errors import FormatError
from ifc_core.io.ctc import read_ctc
from ifc_core.io.label_images import write_deep_png, write_label_tiff
from ifc_core.io.label_stacks import is_label_name, is_label_stack, picture_stem
from ifc_core.io.video import open_video
from ifc_core.structures import FrameState

SIZE = (40, 60)
FRAMES = 6
ROWS = (4, 16, 28)


def discs(frame: int) -> list[npt.NDArray[np.bool_]]:
    """Three objects that move to the right; the second is away on the third frame."""
    found = []
    for row in ROWS:
        mask = np.zeros(SIZE, bool)
        if (row, frame) != (ROWS[1], 2):
            mask[row : row + 8, 5 + 2 * frame : 15 + 2 * frame] = True
        found.append(mask)
    return found


def labels(frame: int, names: tuple[int, ...] = (5, 10, 70_000)) -> npt.NDArray[np.int32]:
    """The same as a picture of labels."""
    picture = np.zeros(SIZE, np.int32)
    for mask, name in zip(discs(frame), names, strict=True):
        picture[mask] = name
    return picture


def anew(frame: int) -> npt.NDArray[np.uint16]:
    """The same, numbered on each frame from another end."""
    names = (1, 2, 3) if frame % 2 else (3, 2, 1)
    return labels(frame, names).astype(np.uint16)


def told(track) -> tuple[int, list[int]]:
    """The first row of a track's masks, which are those of one object, and their frames."""
    masks = {n: m.to_array() for n, m in enumerate(track.segmentations) if m is not None}
    (place,) = {int(np.flatnonzero(mask.any(axis=1))[0]) for mask in masks.values()}
    number = ROWS.index(place)
    assert all(np.array_equal(mask, discs(n)[number]) for n, mask in masks.items())
    return place, [*masks]


def save(path: Path, pictures: list) -> Path:
    tifffile.imwrite(path, np.stack(pictures), compression="zlib", metadata={"axes": "TYX"})
    return path


def test_a_stack_of_labels_is_tracks_named_after_them(tmp_path: Path) -> None:
    path = save(tmp_path / "cells_masks.tif", [labels(n) for n in range(FRAMES)])
    assert detect_format(path) is ExportFormat.CTC
    file = read_ctc(path)
    (video,) = file.videos
    assert (video.name, video.length, video.height, video.width) == ("cells", FRAMES, *SIZE)
    assert [c.name for c in file.categories] == ["cell"]
    assert sorted(track.label for track in file.tracks) == ["10", "5", "70000"]
    assert sorted(map(told, file.tracks)) == [
        (4, [*range(6)]),
        (16, [0, 1, 3, 4, 5]),
        (28, [*range(6)]),
    ]


def test_labels_numbered_anew_on_each_frame_are_linked_by_overlap(tmp_path: Path) -> None:
    path = save(tmp_path / "cells_cp_masks.tif", [anew(n) for n in range(FRAMES)])
    file = read_ctc(path)
    assert len(file.tracks) == 4  # the one that was away comes back as another
    assert {track.label for track in file.tracks} == {""}
    assert sorted(map(told, file.tracks)) == [
        (4, [*range(6)]),
        (16, [0, 1]),
        (16, [3, 4, 5]),
        (28, [*range(6)]),
    ]


@pytest.mark.parametrize("suffix", [".tif", ".png"])
def test_masks_beside_their_pictures_go_to_those_they_are_called_after(
    tmp_path: Path, suffix: str
) -> None:
    pictures, both = tmp_path / "frames" / "exp", tmp_path / "exp"
    pictures.mkdir(parents=True)
    both.mkdir()
    for n in range(FRAMES):
        picture = labels(n).astype(np.uint8)
        for folder in (pictures, both):
            tifffile.imwrite(folder / f"img_{n + 3:03d}.tif", picture)
        write = write_label_tiff if suffix == ".tif" else write_deep_png
        if n != 1:
            write(anew(n), both / f"img_{n + 3:03d}_cp_masks{suffix}")
    assert annotation_format(both) is None  # its pictures may be meant as well
    with Project.create(tmp_path / "p.ifcproj") as project, open_video(pictures) as reader:
        project.apply(AddVideo(reader.video))
        report = import_annotations(project, both, ExportFormat.CTC)
        assert (report.videos, report.missing_videos) == (0, ())
        assert any("numbered anew" in note for note in report.notes)
        shown = [project.masks_at(1, n) for n in range(FRAMES)]
        assert [len(masks) for masks in shown] == [3, 0, 2, 3, 3, 3]
        assert {mask.state for masks in shown for mask in masks} == {FrameState.PROPOSED}


def test_a_folder_of_labels_is_none_of_frames(tmp_path: Path) -> None:
    folder = tmp_path / "cells"
    folder.mkdir()
    for n in range(FRAMES):
        write_label_tiff(labels(n, (1, 2, 3)).astype(np.uint16), folder / f"t{n}_mask.tif")
    assert annotation_format(folder) is ExportFormat.CTC
    with Project.create(tmp_path / "p.ifcproj") as project:
        report = import_annotations(project, folder)
        assert report.missing_videos == ("cells",)  # not the labels as its pictures
        assert report.tracks == 3


def test_tiffs_of_any_name_are_labels_where_a_person_imports_them(tmp_path: Path) -> None:
    folder = tmp_path / "cells"
    folder.mkdir()
    for n in range(FRAMES):
        write_label_tiff(labels(n, (1, 2, 3)).astype(np.uint16), folder / f"{n}.tif")
    assert annotation_format(folder) is None
    assert named_format(folder) is ExportFormat.CTC
    assert len(read_ctc(folder).tracks) == 3


def test_several_stacks_are_several_videos(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    for name in "ab":
        save(folder / f"{name}_labels.tif", [labels(n, (1, 2, 3)) for n in range(FRAMES)])
    assert named_format(folder) is ExportFormat.CTC
    file = read_ctc(folder)
    assert [video.name for video in file.videos] == ["a", "b"]
    assert len(file.tracks) == 6


def test_what_a_camera_took_is_no_label_whatever_it_is_called(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 4000, (FRAMES, *SIZE)).astype(np.uint16)
    path = save(tmp_path / "cells_masks.tif", list(noise))
    with pytest.raises(FormatError, match="in no format"):
        detect_format(path)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.full((2, *SIZE), 0.5, np.float32), "no whole numbers"),
        (np.full((2, *SIZE), np.nan, np.float32), "no whole numbers"),
        (np.full((2, *SIZE), -1, np.int16), "no whole numbers"),
        (np.zeros((2, *SIZE, 3), np.uint8), "colours or several channels"),
    ],
)
def test_values_that_are_no_labels_are_refused(tmp_path: Path, values, reason: str) -> None:
    path = tmp_path / "a_masks.tif"
    tifffile.imwrite(path, values, photometric="rgb" if values.ndim == 4 else "minisblack")
    with pytest.raises(FormatError, match=reason):
        read_ctc(path)


def test_whole_numbers_with_a_point_are_labels(tmp_path: Path) -> None:
    path = save(tmp_path / "a_masks.tif", [labels(n).astype(np.float32) for n in range(FRAMES)])
    assert len(read_ctc(path).tracks) == 3


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("a_cp_masks.png", "a"),
        ("a-labels.tif", "a"),
        ("a_mask.tiff", "a"),
        ("LblImg_a.tif", "LblImg_a"),
        ("committed_objects.tif", "committed_objects"),
        ("masks.tif", "masks"),
    ],
)
def test_names_of_labels(name: str, stem: str) -> None:
    assert is_label_name(name)
    assert picture_stem(Path(name).stem) == stem


@pytest.mark.parametrize("name", ["mask000.tif", "unmasked.tif", "a_masks.jpg", "a.tif"])
def test_other_names_say_nothing(name: str) -> None:
    assert not is_label_name(name)


def test_dark_pictures_that_are_called_labels_are_frames(tmp_path: Path) -> None:
    y, x = np.mgrid[:64, :64]
    glow = 200 * np.exp(-((y - 30) ** 2 + (x - 20) ** 2) / 60)  # of a label that shines; 0 around
    path = save(tmp_path / "nuclei_labels.tif", [glow.astype(np.uint8)] * 5)
    assert not is_label_stack(path)
    assert is_label_stack(save(tmp_path / "cells_labels.tif", [labels(n) for n in range(FRAMES)]))


def test_values_beyond_all_labels_are_none(tmp_path: Path) -> None:
    path = save(tmp_path / "a_masks.tif", [np.full(SIZE, 1e30, np.float32)] * 2)
    with pytest.raises(FormatError, match="no whole numbers"):
        read_ctc(path)
