"""What is said of files and folders that are no video says what to do instead."""

import shutil

import cv2
import numpy as np
import pytest

from ifc_core.errors import FormatError, VideoError
from ifc_core.io.video import open_video
from ifc_core.io.ytvis import read_ytvis


@pytest.mark.parametrize("name", ["picture.png", "picture.jpg"])
def test_a_picture_is_opened_by_its_folder(tmp_path, name):
    assert cv2.imwrite(str(tmp_path / name), np.zeros((20, 30, 3), np.uint8))
    with pytest.raises(VideoError, match=r"is a picture; open the folder that holds the frames"):
        open_video(tmp_path / name)


def test_a_folder_of_videos_is_told_from_an_empty_one(tmp_path, clip_file):
    with pytest.raises(VideoError, match=r"holds no pictures \(jpg, png, tif or bmp\)\.$"):
        open_video(tmp_path)
    shutil.copyfile(clip_file, tmp_path / "a.mp4")
    with pytest.raises(VideoError, match="but videos; open or add those themselves"):
        open_video(tmp_path)


@pytest.mark.parametrize("filler", [0, 300_000])
def test_text_that_is_no_json_is_told_by_its_line(tmp_path, filler):
    path = tmp_path / "broken.json"
    path.write_text('{\n"info": {},\n"videos": [],\n' + "\n" * filler + '"a": nonsense}')
    with pytest.raises(FormatError) as caught:
        read_ytvis(path)
    said = f"broken.json: the text is not valid JSON, or is cut off, in line {4 + filler}."
    assert str(caught.value) == said
