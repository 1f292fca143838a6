"""Names of videos and pictures that no path in a file of annotations may have."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from ifc_core import cli
from ifc_core.io.ytvis import read_ytvis_header

NAMES = {
    "a:b": "a_b",
    "new\nline": "new_line",
    "\x1b[31mred": "31mred",
    "back\\slash": "back_slash",
}


@pytest.mark.skipif(sys.platform == "win32", reason="such names cannot be there")
@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_can_be_read_and_finds_its_video(
    propose: Any,
    clip_file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    film = shutil.copy(clip_file, tmp_path / f"{name}.mp4")
    output, project = tmp_path / "out.json", tmp_path / "p.ifcproj"
    assert propose(film, "-o", output, "--score-threshold", "0") == 0
    told = capsys.readouterr().err
    assert all(line.startswith("Proposing on ") for line in told.splitlines())  # a line each
    assert "\x1b" not in told
    (video,) = read_ytvis_header(output).videos
    assert video.name == NAMES[name]
    assert cli.main(["validate", str(output)]) == 0
    assert cli.main(["project", "new", str(project), str(film)]) == 0
    assert cli.main(["project", "import", str(project), str(output)]) == 0
    assert " 0 new videos," in capsys.readouterr().out


@pytest.mark.skipif(sys.platform == "win32", reason="such names cannot be there")
@pytest.mark.parametrize("name", ["new\nline.png", "back\\slash.png"])
def test_pictures_without_a_name_for_a_file_are_numbered(
    propose: Any, clip_folder: Path, tmp_path: Path, name: str
) -> None:
    folder = Path(shutil.copytree(clip_folder, tmp_path / "frames"))
    (folder / "00004.png").rename(folder / name)
    output = tmp_path / "out.json"
    assert propose(folder, "-o", output, "--score-threshold", "0") == 0
    assert cli.main(["validate", str(output)]) == 0
    (video,) = read_ytvis_header(output).videos
    assert video.file_names == tuple(f"frames/{index:05d}.jpg" for index in range(9))
