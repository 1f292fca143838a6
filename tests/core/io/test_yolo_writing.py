"""Folders that YOLO trains on, looked at as its loader does."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from ifc_core.errors import FormatError
from ifc_core.io.frame_source import FileFrames
from ifc_core.io.yolo_writing import write_yolo_dataset, write_yolo_frames
from ifc_core.io.ytvis_types import YtvisFile

from .two_films import RING, SIZE, two_films

SCALE = 2
HEIGHT, WIDTH = (SCALE * side for side in SIZE)


@pytest.fixture
def file() -> YtvisFile:
    return two_films(SCALE)


def text_of(picture: Path) -> Path:
    """Where the loader looks for what a picture shows."""
    images, labels = f"{os.sep}images{os.sep}", f"{os.sep}labels{os.sep}"
    return Path(labels.join(str(picture).rsplit(images, 1))).with_suffix(".txt")


def objects(text: Path) -> list[tuple[int, np.ndarray]]:
    """Class and filled polygon of each line, drawn as the loader draws it."""
    found = []
    for line in text.read_text("utf-8").splitlines():
        number, *shares = line.split()
        corners = np.array(shares, np.float32).reshape(-1, 2)
        assert len(corners) >= 3
        assert corners.min() >= 0
        assert corners.max() <= 1
        drawn = np.zeros((HEIGHT, WIDTH), np.uint8)
        cv2.fillPoly(drawn, [(corners * (WIDTH, HEIGHT)).astype(np.int32)], 1)
        found.append((int(number), drawn > 0))
    return found


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


def test_each_picture_has_a_text_with_a_line_an_object(file: YtvisFile, tmp_path: Path) -> None:
    write_yolo_frames(FileFrames(file), tmp_path / "out")
    films = tmp_path / "out" / "images"
    (first, ring) = objects(text_of(films / "my film" / "00003.jpg"))
    truth = file.tracks[0].segmentations[0]
    assert truth is not None
    assert first[0] == 0
    assert iou(first[1], truth.to_array()) > 0.8  # the loader counts the outline in, and the way
    assert ring[0] == 1
    assert iou(ring[1], RING.repeat(SCALE, 0).repeat(SCALE, 1)) > 0.8
    assert not ring[1][24:36, 30:36].any()  # its hole
    assert text_of(films / "my film" / "00004.jpg").read_text() == ""
    ((number, drawn),) = objects(text_of(films / "b" / "00000.jpg"))
    assert number == 0
    assert drawn.all()


def test_the_dataset_names_pictures_and_classes(file: YtvisFile, tmp_path: Path) -> None:
    write_yolo_frames(FileFrames(file), tmp_path / "out")
    told = yaml.safe_load((tmp_path / "out" / "data.yaml").read_text("utf-8"))
    assert told == {
        "train": "images",
        "val": "images",
        "names": {0: "dog", 1: 'größe: "犬" #1'},
    }
    write_yolo_frames(FileFrames(file), tmp_path / "part", with_dataset=False)
    assert [entry.name for entry in (tmp_path / "part").iterdir()] == ["labels"]
    write_yolo_dataset(tmp_path, file.categories, "train/images", "valid/images")
    told = yaml.safe_load((tmp_path / "data.yaml").read_text("utf-8"))
    assert (told["train"], told["val"]) == ("train/images", "valid/images")


@pytest.mark.parametrize("name", ["images", ".."])
def test_a_video_whose_pictures_would_not_find_their_texts_is_refused(
    file: YtvisFile, tmp_path: Path, name: str
) -> None:
    video = replace(file.videos[1], file_names=(f"{name}/00000.jpg",))
    wrong = replace(file, videos=(file.videos[0], video))
    with pytest.raises(FormatError, match="cannot be used as a folder"):
        write_yolo_frames(FileFrames(wrong), tmp_path / "out")
    assert not (tmp_path / "out").exists()
