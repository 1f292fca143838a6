"""Edits of a project that was deleted, moved or replaced while it was open go nowhere unsaid."""

import os
import shutil

import pytest

from ifc_core.annotation import Project
from ifc_core.annotation.edits import SetMask
from ifc_core.errors import ProjectError

from .conftest import box

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows keeps open files where they are")

_GONE = "p.ifcproj is not where it was opened any more, so nothing was changed"
_REPLACED = "of p.ifcproj was deleted or replaced while the project was open, so nothing was"


def stroke(project, number):
    project.apply(SetMask(1, 9, box(number, number)))


def test_no_stroke_goes_into_a_folder_that_was_deleted(project):
    shutil.rmtree(project.folder)
    with pytest.raises(ProjectError, match=_GONE):
        stroke(project, 1)
    with pytest.raises(ProjectError, match=_GONE):
        project.undo()
    project.close()


def test_a_folder_that_was_moved_is_written_again_once_it_is_back(project):
    stroke(project, 1)
    there = project.folder.rename(project.folder.with_name("q.ifcproj"))
    with pytest.raises(ProjectError, match=_GONE):
        stroke(project, 2)
    there.rename(project.folder)
    stroke(project, 3)
    project.close()
    with Project.open(project.folder) as again:
        assert again.mask(1, 9).rle == box(3, 3)


@pytest.mark.parametrize("name", ["project.sqlite", "project.sqlite-wal", "project.lock"])
def test_a_file_that_another_program_put_in_the_place_of_ours_is_noticed(project, name):
    """By a program that keeps folders in step; of a lock that is deleted there may be two then."""
    stroke(project, 1)
    path = project.folder / name
    shutil.copy(path, project.folder / "new")
    (project.folder / "new").replace(path)
    with pytest.raises(ProjectError, match=f"{name} {_REPLACED}"):
        stroke(project, 2)


@pytest.mark.parametrize("name", ["project.sqlite-wal", "project.lock"])
def test_what_was_stored_before_a_file_was_deleted_is_kept(project, name):
    stroke(project, 1)
    (project.folder / name).unlink()
    with pytest.raises(ProjectError, match=f"{name} {_REPLACED}"):
        stroke(project, 2)
    project.close()
    with Project.open(project.folder) as again:
        assert again.mask(1, 9).rle == box(1, 1)
        stroke(again, 3)


def test_a_project_is_closed_though_its_last_results_cannot_be_stored(project, monkeypatch):
    from ifc_core.annotation import StagedMask

    run_id = project.begin_run("propose", 1, {})
    project.stage(run_id, 0, [StagedMask(0, box(1, 1))])

    def refuse(*_):
        raise ProjectError("The disk is full.", path=project.folder)

    monkeypatch.setattr("ifc_core.annotation.staging.writing", refuse)
    project._staging._buffer[run_id, 1] = [StagedMask(0, box(1, 1))]
    project.close()
    monkeypatch.undo()
    with Project.open(project.folder, if_locked="error") as again:
        assert again.check() == []
