"""Pictures that an export writes beside its file: whole and together, or not at all."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from ifc_core.annotation import Project, Scope, edits
from ifc_core.annotation.exporting import (
    ExportFormat,
    ExportOptions,
    ExportScope,
    export_project,
)
from ifc_core.errors import OutputError
from ifc_core.io.video import open_video
from ifc_core.jobs import JobCancelled, JobContext
from ifc_core.structures import Category, RLEMask

WITH_FRAMES = ExportOptions(scope=ExportScope.EVERYTHING, write_frames=True)
FEWER = ExportOptions(
    scope=ExportScope.EVERYTHING, write_frames=True, frame_scope=Scope(0, 2), frame_step=1
)


@pytest.fixture
def project(tmp_path, clip_file):
    """A project of two films with a mask each."""
    with Project.create(tmp_path / "p.ifcproj") as project:
        project.apply(edits.SetCategory(Category(1, "cat")))
        for number in (1, 2):
            film = Path(shutil.copy(clip_file, tmp_path / f"film{number}.mp4"))
            with film.open("ab") as file:
                file.write(b"\0" * number)  # another content, so another video
            with open_video(film) as reader:
                project.add_video(reader.video)
                mask = RLEMask.from_array(np.ones(reader.video.size, dtype=bool))
            project.apply(edits.NewTrack(number, 1, 1, mask))
        yield project


class StoppedWhile(JobContext):
    """Stops the work at a step of it."""

    def __init__(self, message: str) -> None:
        super().__init__()
        self._message = message

    def advance(self, done, total=None, message="", *more, **other):
        if message == self._message:
            self.cancel()
        return super().advance(done, total, message, *more, **other)


def all_files(folder: Path) -> dict[str, bytes]:
    paths = [p for p in folder.rglob("*") if p.is_file() and ".ifcproj" not in str(p)]
    return {str(p.relative_to(folder)): p.read_bytes() for p in paths}


@pytest.mark.parametrize("form", [ExportFormat.YTVIS, ExportFormat.COCO])
def test_frames_of_an_earlier_export_stay_while_its_file_does(project, tmp_path, form):
    target = tmp_path / "train.json"
    export_project(project, target, form, WITH_FRAMES)
    before = all_files(tmp_path)
    with pytest.raises(JobCancelled):
        export_project(project, target, form, FEWER, StoppedWhile("Writing tracks"))
    assert all_files(tmp_path) == before  # else the file would name pictures that are gone
    export_project(project, target, form, FEWER)
    written = json.loads(target.read_text())
    entries = written["images"] if form is ExportFormat.COCO else written["videos"]
    names = [
        n for e in entries for n in ([e["file_name"]] if "file_name" in e else e["file_names"])
    ]
    pictures = set(all_files(tmp_path / "JPEGImages"))
    assert pictures == {str(Path(name)) for name in names}
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


@pytest.mark.parametrize("other", ["notes.txt", "frame.png", "deeper", ".git"])
def test_a_folder_of_other_things_does_not_give_way(project, tmp_path, other):
    folder = tmp_path / "JPEGImages" / "film2"
    folder.mkdir(parents=True)
    (folder / "00000.jpg").write_bytes(b"a picture")
    (folder / ".DS_Store").touch()  # which systems leave anywhere
    export_project(project, tmp_path / "train.json", options=WITH_FRAMES)
    is_folder = other in ("deeper", ".git")
    (folder / other).mkdir() if is_folder else (folder / other).write_text("mine")
    before = all_files(tmp_path)
    with pytest.raises(OutputError, match=rf"holds {other}, which is no frame"):
        export_project(project, tmp_path / "train.json", options=FEWER)
    assert all_files(tmp_path) == before


def test_a_file_does_not_give_way_to_a_folder(project, tmp_path):
    (tmp_path / "JPEGImages").mkdir()
    (tmp_path / "JPEGImages" / "film2").write_text("mine")
    before = all_files(tmp_path)
    with pytest.raises(OutputError, match="film2 is a file"):
        export_project(project, tmp_path / "train.json", options=WITH_FRAMES)
    assert all_files(tmp_path) == before


@pytest.mark.parametrize("moment", range(4))
@pytest.mark.parametrize("is_moved", [False, True])
def test_who_interrupts_the_exchange_loses_no_folder(
    project, tmp_path, monkeypatch, moment, is_moved
):
    target = tmp_path / "train.json"
    export_project(project, target, options=WITH_FRAMES)
    before = all_files(tmp_path / "JPEGImages")
    rename, seen = Path.rename, []

    def interrupted(path, to):
        seen.append(path)
        now = len(seen) == moment + 1  # two films, each an old folder and a new one
        if is_moved or not now:
            rename(path, to)
        if now:
            raise KeyboardInterrupt

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        export_project(project, target, options=FEWER)
    assert all_files(tmp_path / "JPEGImages") == before


def test_all_folders_take_their_places_or_none(project, tmp_path, monkeypatch):
    target = tmp_path / "train.json"
    export_project(project, target, options=WITH_FRAMES)
    before = all_files(tmp_path / "JPEGImages")
    rename = Path.rename

    def refused(path, to):
        if "film2" in str(path) and "JPEGImages-" in str(path):
            raise PermissionError(13, "Permission denied", str(path))
        return rename(path, to)

    monkeypatch.setattr(Path, "rename", refused)
    with pytest.raises(OutputError, match="permission denied") as failed:
        export_project(project, target, options=FEWER)
    assert str(tmp_path / "JPEGImages") in str(failed.value)
    assert all_files(tmp_path / "JPEGImages") == before


@pytest.mark.parametrize(
    ("form", "place"),
    [
        (ExportFormat.YTVIS, "JPEGImages/film1"),
        (ExportFormat.DAVIS, "out/JPEGImages/Full-Resolution/film1"),
        (ExportFormat.CTC, "out"),
        (ExportFormat.LABELME, "out/film1"),
        (ExportFormat.YOLO, "out/images/film1"),
    ],
)
def test_on_a_full_disk_the_place_is_named_that_was_asked_for(
    project, tmp_path, monkeypatch, form, place
):
    def full(path, data):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", full)
    before = all_files(tmp_path)
    options = ExportOptions(ExportScope.EVERYTHING, write_frames=form is not ExportFormat.CTC)
    with pytest.raises(OutputError) as failed:
        export_project(project, tmp_path / "out", form, options)
    assert f" {tmp_path / place}: no space left on device." in str(failed.value)
    assert all_files(tmp_path) == before
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


@pytest.mark.parametrize("form", [ExportFormat.YTVIS, ExportFormat.COCO, ExportFormat.DAVIS])
@pytest.mark.parametrize("options", [ExportOptions(ExportScope.EVERYTHING), FEWER])
def test_a_folder_that_is_missing_is_not_made_with_frames_nor_without(
    project, tmp_path, form, options
):
    with pytest.raises(OutputError, match=r"the folder .*nowhere does not exist"):
        export_project(project, tmp_path / "nowhere" / "out", form, options)
    assert not (tmp_path / "nowhere").exists()
