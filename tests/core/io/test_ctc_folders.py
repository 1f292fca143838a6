"""Where masks of the Cell Tracking Challenge are found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ifc_core.annotation.annotation_folders import annotation_format, frames_root, named_format
from ifc_core.annotation.exporting import ExportFormat
from ifc_core.io.ctc import read_ctc
from ifc_core.io.ctc_folders import mask_folders, undoubted_masks
from ifc_core.io.label_images import write_label_tiff

PLACES = [("01_RES", ".", "mask"), ("01_GT", "TRA", "man_track"), ("01_ST", "SEG", "man_seg")]


def put(folder: Path, stem: str) -> Path:
    """Masks of one label on two frames."""
    folder.mkdir(parents=True)
    labels = np.zeros((6, 12), np.uint16)
    labels[1:5, 2:6] = 3
    for number in range(2):
        write_label_tiff(labels, folder / f"{stem}{number:03d}.tif")
    return folder


@pytest.mark.parametrize(("name", "below", "stem"), PLACES)
def test_the_folder_of_a_video_is_known_like_the_masks_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, below: str, stem: str
) -> None:
    (tmp_path / "01").mkdir()
    inner = put(tmp_path / name / below, stem)
    put(tmp_path / "02_RES", "mask")  # of another video, which is not meant
    monkeypatch.chdir(tmp_path / name)
    for folder in (inner, tmp_path / name, Path()):
        found = mask_folders(folder)
        assert {video: masks.path.resolve() for video, masks in found.items()} == {"01": inner}
        assert [path.resolve() for path in undoubted_masks(folder, 9)] == [
            inner / f"{stem}{number:03d}.tif" for number in range(2)
        ]
        assert annotation_format(folder) is ExportFormat.CTC
        assert named_format(folder) is ExportFormat.CTC
        file = read_ctc(folder)
        assert [video.name for video in file.videos] == ["01"]
        assert len(file.tracks) == 1
    assert frames_root(tmp_path / name, ["01"], ExportFormat.CTC) == tmp_path


def test_a_folder_of_frames_is_one_whatever_it_is_called_and_holds(tmp_path: Path) -> None:
    put(tmp_path / "01_GT" / "TRA", "man_track")
    (tmp_path / "01_GT" / "frame0.png").write_bytes(b"")
    assert undoubted_masks(tmp_path / "01_GT", 9) == []
    assert annotation_format(tmp_path / "01_GT") is None
    assert [*mask_folders(tmp_path / "01_GT")] == ["01"]  # whoever imports it means them


@pytest.mark.parametrize("name", ["_GT", "truth", "01_gt"])
def test_other_names_tell_nothing(tmp_path: Path, name: str) -> None:
    put(tmp_path / name / "TRA", "man_track")
    assert mask_folders(tmp_path / name) == {}
    assert undoubted_masks(tmp_path / name, 9) == []


def test_a_folder_of_a_video_without_masks_of_tracks_holds_none(tmp_path: Path) -> None:
    put(tmp_path / "01_GT" / "SEG", "man_seg")
    (tmp_path / "01_ST").mkdir()
    for name in ("01_GT", "01_ST"):
        assert mask_folders(tmp_path / name) == {}
        assert undoubted_masks(tmp_path / name, 9) == []
