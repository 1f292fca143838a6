"""Which frames MOTS folders speak of: numbers of pictures, of text, and lists of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from ifc_core.errors import FormatError
from ifc_core.io.mots import read_mots, write_mots
from ifc_core.io.ytvis import YtvisFile, YtvisTrack, YtvisVideo
from ifc_core.structures import Category, RLEMask

CATEGORIES = (Category(1, "dog"), Category(3, "Wölfin 犬"))


def _mots_text(folder: Path, name: str, frames: list[int]) -> None:
    """A file of one car that moves to the right, one column a frame."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for place, frame in enumerate(frames):
        mask = np.zeros((4, 6), dtype=bool)
        mask[1, place] = True
        lines.append(f"{frame} 1003 1 4 6 {RLEMask.from_array(mask).counts.decode()}\n")
    (folder / f"{name}.txt").write_text("".join(lines))


def _shown(file: YtvisFile) -> list[list[int]]:
    return [[f for f, m in enumerate(t.segmentations) if m is not None] for t in file.tracks]


def test_mots_text_counts_frames_from_1_in_motschallenge_and_from_0_in_kitti(
    tmp_path: Path,
) -> None:
    for name, frames in (("0002", [1, 2]), ("0005", [3, 4])):
        _mots_text(tmp_path / "challenge" / "instances_txt", name, frames)
    file = read_mots(tmp_path / "challenge")
    assert _shown(file) == [[0, 1], [2, 3]]
    assert file.videos[1].file_names[3] == "0005/000003.jpg"  # a video of 4 frames
    assert file.videos[1].length == 4
    for name, frames in (("0000", [0, 2]), ("0001", [1, 2])):
        _mots_text(tmp_path / "kitti" / "instances_txt", name, frames)
    assert _shown(read_mots(tmp_path / "kitti")) == [[0, 2], [1, 2]]


@pytest.mark.parametrize(("first", "shown"), [(0, [1, 2]), (1, [0, 1])])
def test_pictures_beside_mots_text_say_where_its_frames_begin(
    first: int, shown: list[int], tmp_path: Path
) -> None:
    _mots_text(tmp_path / "instances_txt", "0001", [1, 2])
    (tmp_path / "images" / "0001").mkdir(parents=True)
    for frame in range(first, 4):
        (tmp_path / "images" / "0001" / f"{frame:06d}.jpg").touch()
    assert _shown(read_mots(tmp_path)) == [shown]
    _mots_text(tmp_path / "instances_txt", "0001", [0, 1])
    if first:
        with pytest.raises(FormatError, match="begins at frame 1"):
            read_mots(tmp_path)


def test_mots_text_of_ours_without_a_mask_on_the_first_frame_comes_back(tmp_path: Path) -> None:
    mask = RLEMask.from_array(np.eye(4, 6, dtype=bool))
    video = YtvisVideo(1, 4, 6, 3, tuple(f"v/{n:05d}.jpg" for n in range(3)))
    write_mots(
        YtvisFile((video,), CATEGORIES, (YtvisTrack(1, 1, 1, (None, mask, None)),)), tmp_path / "o"
    )
    shutil.rmtree(tmp_path / "o" / "instances")
    assert _shown(read_mots(tmp_path / "o")) == [[1]]


def _part_of_a_video() -> YtvisFile:
    """Frames 20, 21 and 25 of a video, of which the second shows nothing."""
    mask = RLEMask.from_array(np.eye(4, 6, dtype=bool))
    video = YtvisVideo(1, 4, 6, 3, ("v/00020.jpg", "v/00021.jpg", "v/00025.jpg"))
    return YtvisFile((video,), CATEGORIES, (YtvisTrack(1, 1, 1, (mask, None, mask)),))


@pytest.mark.parametrize("is_text", [False, True])
def test_mots_keeps_the_numbers_of_frames(is_text: bool, tmp_path: Path) -> None:
    write_mots(_part_of_a_video(), tmp_path / "o")
    pictures = sorted(p.name for p in (tmp_path / "o" / "instances" / "v").iterdir())
    assert pictures == ["000020.png", "000021.png", "000025.png"]
    text = (tmp_path / "o" / "instances_txt" / "v.txt").read_text()
    assert [line.split()[0] for line in text.splitlines()] == ["20", "25"]
    if is_text:
        shutil.rmtree(tmp_path / "o" / "instances")
    file = read_mots(tmp_path / "o")
    assert file.videos[0].file_names == ("v/000020.jpg", "v/000021.jpg", "v/000025.jpg")
    assert _shown(file) == [[0, 2]]


def test_mots_counts_frames_whose_names_hold_no_numbers(tmp_path: Path) -> None:
    for number, names in enumerate((("v/b9.jpg", "v/a9.jpg"), ("v/20240101.jpg", "v/x.jpg"))):
        video = YtvisVideo(1, 4, 6, 2, names)
        place = tmp_path / str(number)
        write_mots(YtvisFile((video,), CATEGORIES), place)
        assert sorted(p.stem for p in place.rglob("*.png")) == ["000000", "000001"]


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ("[1]", "must map"),
        ('{"v": [2, 1]}', "must map"),
        ('{"v": [true]}', "must map"),
        ('{"v": []}', "must map"),
        ("{", "not valid JSON"),
        ('{"v": [20, 21]}', "does not list frame 25"),
        ('{"v": [21, 25]}', "begins at frame 21"),
    ],
)
def test_a_broken_list_of_frames_beside_mots_text(frames: str, words: str, tmp_path: Path) -> None:
    write_mots(_part_of_a_video(), tmp_path / "o")
    shutil.rmtree(tmp_path / "o" / "instances")
    (tmp_path / "o" / "frames.json").write_text(frames)
    with pytest.raises(FormatError, match=words):
        read_mots(tmp_path / "o")
