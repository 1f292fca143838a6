"""A project with its models and videos as one file, and back."""

import os
import shutil
import zipfile
from pathlib import Path

import pytest

from ifc_core.annotation import Project, edits
from ifc_core.annotation.packing import pack_project, unpack_project
from ifc_core.errors import FormatError, OutputError, ProjectError
from ifc_core.io.video import open_video
from ifc_core.jobs import JobCancelled, JobContext
from ifc_core.structures import (
    Category,
)

from .conftest import state_of


def test_pack_and_unpack(tmp_path, clip_file):
    with Project.create(tmp_path / "a.ifcproj") as project:
        with open_video(clip_file) as reader:
            project.add_video(reader.video)
        project.apply(edits.SetCategory(Category(1, "cat")))
        (project.folder / "models" / "m.safetensors").write_bytes(b"weights")
        pack_project(project, tmp_path / "a.ifcpack", with_videos=True)
        expected = state_of(project)["categories"]
    folder = unpack_project(tmp_path / "a.ifcpack", tmp_path / "b.ifcproj")
    with Project.open(folder) as other:
        assert other.name == "a"
        assert state_of(other)["categories"] == expected
        assert other.find_video_file(1) == folder / "videos" / "1" / clip_file.name
        assert other.undo().kind == "SetCategory"
    assert (folder / "models" / "m.safetensors").read_bytes() == b"weights"
    with pytest.raises(OutputError, match="exists already"):
        unpack_project(tmp_path / "a.ifcpack", folder)


def test_files_from_before_1980_are_packed(tmp_path, clip_file):
    old = Path(shutil.copy(clip_file, tmp_path / "old.mp4"))
    os.utime(old, (0, 0))
    with Project.create(tmp_path / "a.ifcproj") as project:
        with open_video(old) as reader:
            project.add_video(reader.video)
        pack_project(project, tmp_path / "a.ifcpack", with_videos=True)
    (tmp_path / "b.ifcproj").mkdir()  # an empty folder is as good as none
    folder = unpack_project(tmp_path / "a.ifcpack", tmp_path / "b.ifcproj")
    assert (folder / "videos" / "1" / "old.mp4").read_bytes() == old.read_bytes()


def test_a_damaged_pack_is_one_sentence(project, tmp_path):
    pack_project(project, tmp_path / "a.ifcpack")
    data = bytearray((tmp_path / "a.ifcpack").read_bytes())
    data[200:260] = bytes(byte ^ 0x5A for byte in data[200:260])  # in the packed database
    (tmp_path / "a.ifcpack").write_bytes(data)
    with pytest.raises(FormatError, match="damaged"):
        unpack_project(tmp_path / "a.ifcpack", tmp_path / "b.ifcproj")
    with zipfile.ZipFile(tmp_path / "c.ifcpack", "w", zipfile.ZIP_BZIP2) as pack:
        pack.writestr("project.sqlite", "x" * 1000)
    with pytest.raises(FormatError, match="damaged"):
        unpack_project(tmp_path / "c.ifcpack", tmp_path / "b.ifcproj")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.ifcpack", "c.ifcpack", "p.ifcproj"]


@pytest.mark.parametrize(
    ("place", "value"), [(6, 99), (8, 0x01), (8, 0x20), (8, 0x40)], ids=["later", "1", "20", "40"]
)
def test_a_zip_of_another_kind_is_one_sentence(project, tmp_path, place, value):
    pack_project(project, tmp_path / "a.ifcpack")
    data = bytearray((tmp_path / "a.ifcpack").read_bytes())
    entry = data.index(b"PK\x01\x02")  # of the central directory: version at 6, flags at 8
    data[entry + place] |= value
    (tmp_path / "a.ifcpack").write_bytes(data)
    with pytest.raises(FormatError, match="no project pack, or damaged"):
        unpack_project(tmp_path / "a.ifcpack", tmp_path / "b.ifcproj")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.ifcpack", "p.ifcproj"]


@pytest.mark.parametrize("name", ["../evil", "models/../../evil", "/evil", "C:/evil", "x/y"])
def test_a_pack_that_leaves_its_folder_is_refused(project, tmp_path, name):
    pack_project(project, tmp_path / "a.ifcpack")
    with zipfile.ZipFile(tmp_path / "a.ifcpack", "a") as pack:
        pack.writestr(name, "x")
    with pytest.raises(FormatError, match="no place in a project"):
        unpack_project(tmp_path / "a.ifcpack", tmp_path / "b.ifcproj")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.ifcpack", "p.ifcproj"]


def test_a_pack_larger_than_the_disk_is_refused_before_it_fills_it(project, tmp_path, monkeypatch):
    pack_project(project, tmp_path / "a.ifcpack")
    with zipfile.ZipFile(tmp_path / "a.ifcpack", "a", zipfile.ZIP_DEFLATED) as pack:
        pack.writestr("models/zeros.safetensors", bytes(3_000_000))
    usage = shutil.disk_usage(tmp_path)._replace(free=2_000_000)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda path: usage)
        with pytest.raises(OutputError, match="3 MB, and the disk has 2 MB free"):
            unpack_project(tmp_path / "a.ifcpack", tmp_path / "b.ifcproj")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.ifcpack", "p.ifcproj"]


def test_unpacking_stops_between_blocks_and_leaves_nothing(project, tmp_path):
    pack_project(project, tmp_path / "a.ifcpack")
    context = JobContext()
    context.cancel()
    with pytest.raises(JobCancelled):
        unpack_project(tmp_path / "a.ifcpack", tmp_path / "b.ifcproj", context)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.ifcpack", "p.ifcproj"]


def test_what_is_no_pack(tmp_path, project):
    (tmp_path / "a.ifcpack").write_bytes(b"PK nothing")
    with pytest.raises(FormatError, match="no project pack"):
        unpack_project(tmp_path / "a.ifcpack", tmp_path / "b.ifcproj")
    with pytest.raises(ProjectError, match="cannot be packed"):
        pack_project(project, tmp_path / "c.ifcpack", with_videos=True)
    assert not (tmp_path / "c.ifcpack").exists()
