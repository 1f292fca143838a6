"""Outputs never end up among the pictures of a video."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from ifc_core import cli
from ifc_core.annotation import Project, ProjectReader
from ifc_core.annotation.targets import check_frames, check_target
from ifc_core.errors import OutputError
from ifc_core.io.video import open_video

SENTENCE = "would be one of the frames of the video frs"


@pytest.fixture
def frames(clip_folder: Path, tmp_path: Path) -> Path:
    """A folder of frames that may be written to."""
    return Path(shutil.copytree(clip_folder, tmp_path / "frs"))


@pytest.fixture
def reader(frames: Path, tmp_path: Path):
    """A project with that folder as its video."""
    with Project.create(tmp_path / "p.ifcproj", "") as project, open_video(frames) as video:
        project.add_video(video.video)
    with ProjectReader.open(tmp_path / "p.ifcproj") as opened:
        yield opened


@pytest.mark.parametrize("name", ["00003.png", "new.png", "NEW.JPG", "sub/../new.tif"])
def test_what_is_or_would_become_a_frame_is_refused(frames: Path, reader, name: str) -> None:
    (frames / "sub").mkdir()
    with pytest.raises(OutputError, match=SENTENCE) as caught:
        check_frames(frames, frames / name)
    assert caught.value.path == frames / name
    with pytest.raises(OutputError, match=SENTENCE):
        check_target(reader, frames / name)


@pytest.mark.parametrize("name", ["out.json", ".hidden.png", "sub/new.png", "../new.png"])
def test_what_is_no_frame_may_lie_there(frames: Path, reader, name: str) -> None:
    (frames / "sub").mkdir()
    check_frames(frames, frames / name)
    check_target(reader, frames / name)


def test_a_video_file_has_no_frames_in_its_folder(clip_file: Path) -> None:
    check_frames(clip_file, clip_file.with_name("picture.png"))


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_links_are_followed_both_ways(frames: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "store.bin"
    (frames / "00004.png").replace(elsewhere)
    (frames / "00004.png").symlink_to(elsewhere)
    (tmp_path / "out.json").symlink_to(frames / "00005.png")
    (tmp_path / "also").symlink_to(frames)
    for target in (elsewhere, tmp_path / "out.json", tmp_path / "also" / "new.png"):
        with pytest.raises(OutputError, match=SENTENCE):
            check_frames(frames, target)
    with pytest.raises(OutputError, match=SENTENCE):
        check_frames(tmp_path / "also", frames / "new.png")


def test_a_video_that_was_moved_is_known_by_its_pictures(frames: Path, reader) -> None:
    moved = frames.rename(frames.with_name("elsewhere"))
    for name in ("00003.png", "new.png"):
        with pytest.raises(OutputError, match="one of the frames of the video elsewhere"):
            check_target(reader, moved / name)
    check_target(reader, moved / "out.json")


@pytest.mark.parametrize(
    "words",
    [
        ["project", "export", "{p}", "-o", "{f}/00004.png", "--scope", "everything"],
        ["project", "pack", "{p}", "-o", "{f}/00001.png"],
        ["propose", "{f}", "-o", "{f}/00003.png"],
        ["attention", "{f}", "-o", "{f}"],
        ["attention", "{f}", "-o", "-"],
    ],
)
def test_every_command_asks(
    frames: Path, reader, tmp_path: Path, tiny_model_file: Path, capsys, monkeypatch, words
) -> None:
    before = {file.name: file.read_bytes() for file in frames.iterdir()}
    monkeypatch.chdir(tmp_path)
    filled = [word.format(p=reader.folder, f=frames) for word in words]
    if words[0] != "project":
        filled += ["--model", str(tiny_model_file), "--clip-length", "3"]
    assert cli.main(filled) == 2
    err = capsys.readouterr().err
    assert (SENTENCE if words[-1] != "-" else "not to standard output") in err
    assert {file.name: file.read_bytes() for file in frames.iterdir()} == before
    assert not (tmp_path / "-").exists()
