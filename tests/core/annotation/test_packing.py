"""A project with its models and videos as one file, and back."""

import os
import shutil
import sqlite3
import subprocess
import sys
import unicodedata
import zipfile
from pathlib import Path

import pytest

from ifc_core.annotation import Project, edits
from ifc_core.annotation.packed_names import picture_names, safe_names
from ifc_core.annotation.packing import pack_project, unpack_project
from ifc_core.errors import FormatError, OutputError, ProjectError
from ifc_core.io.video import open_video
from ifc_core.jobs import JobCancelled, JobContext
from ifc_core.structures import Category, Video

from .conftest import OLDER_SCHEMAS, SIZE, fill, state_of


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


def pack_of(tmp_path, video_path):
    """A pack with one video in it."""
    with Project.create(tmp_path / "a.ifcproj") as project:
        with open_video(video_path) as reader:
            project.add_video(reader.video)
        pack_project(project, tmp_path / "a.ifcpack", with_videos=True)
    return tmp_path / "a.ifcpack"


@pytest.mark.parametrize(
    ("name", "packed"),
    [
        ("Screencast 12:30:45.mp4", "Screencast 12_30_45.mp4"),
        ("a\\b.mp4", "a_b.mp4"),
        ("what?.mp4", "what_.mp4"),
    ],
)
def test_a_film_gets_a_name_that_every_system_can_make(tmp_path, clip_file, name, packed):
    film = Path(shutil.copy(clip_file, tmp_path / name))
    folder = unpack_project(pack_of(tmp_path, film), tmp_path / "b.ifcproj")
    film.unlink()
    with Project.open(folder) as other:
        assert other.video(1).name == Path(name).stem
        assert other.find_video_file(1) == folder / "videos" / "1" / packed
    assert (folder / "videos" / "1" / packed).read_bytes() == clip_file.read_bytes()


def test_a_folder_of_frames_gets_one_too_and_is_known_by_its_pictures(tmp_path, clip_folder):
    frames = shutil.copytree(clip_folder, tmp_path / "take 12:30")
    folder = unpack_project(pack_of(tmp_path, frames), tmp_path / "b.ifcproj")
    shutil.rmtree(frames)
    with Project.open(folder) as other:
        assert other.find_video_file(1) == folder / "videos" / "1" / "take 12_30"


@pytest.mark.parametrize("name", ["12:30.png", "a\\b.png", os.fsdecode(b"caf\xe9.png")])
def test_a_picture_that_would_need_another_name_is_named(tmp_path, clip_folder, name):
    frames = shutil.copytree(clip_folder, tmp_path / "frames")
    (frames / "00001.png").rename(frames / name)
    with pytest.raises(ProjectError, match=r"in frames cannot be packed.*; rename it") as caught:
        pack_of(tmp_path, frames)
    str(caught.value).encode()  # can be printed
    assert not (tmp_path / "a.ifcpack").exists()


def test_of_a_folder_of_frames_the_pictures_alone_are_packed(tmp_path, clip_folder):
    frames = shutil.copytree(clip_folder, tmp_path / "frames")
    pictures = {f"videos/1/frames/{path.name}" for path in frames.iterdir()}
    for name in ("00001.png:Zone.Identifier", "notes.txt", "._00001.png"):
        (frames / name).write_text("left over")
    with zipfile.ZipFile(pack_of(tmp_path, frames)) as pack:
        assert set(pack.namelist()) == {"project.sqlite", *pictures}


def test_a_folder_without_pictures_is_refused(tmp_path):
    (tmp_path / "clip").mkdir()
    with Project.create(tmp_path / "a.ifcproj") as project:
        project.add_video(Video(tmp_path / "clip", 12, *SIZE, 10.0, ""))
        with pytest.raises(ProjectError, match=r"clip is not where it was .*cannot be packed"):
            pack_project(project, tmp_path / "a.ifcpack", with_videos=True)
    assert not (tmp_path / "a.ifcpack").exists()


def test_a_model_is_found_under_its_packed_name(tmp_path):
    with Project.create(tmp_path / "a.ifcproj") as project:
        models = project.folder / "models"
        for name in ("cats: v2", "cats_ v2"):
            (models / f"{name}.safetensors").write_text(name)
            project.add_model(name, models / f"{name}.safetensors")
        pack_project(project, tmp_path / "a.ifcpack")
    folder = unpack_project(tmp_path / "a.ifcpack", tmp_path / "b.ifcproj")
    with Project.open(folder) as other:
        found = {model.name: Path(model.path).read_text() for model in other.models()}
    assert found == {"cats: v2": "cats: v2", "cats_ v2": "cats_ v2"}


@pytest.mark.parametrize("pair", [("C", "c"), ("\u00e9", "e\u0301"), ("\u00c9", "e\u0301")])
def test_models_are_told_apart_where_a_system_would_not(tmp_path, pair):
    names = {Path(f"/p/models/{name}.safetensors") for name in pair}
    packed = safe_names(names, Path("/p"))
    as_one = {unicodedata.normalize("NFC", name).casefold() for name in packed.values()}
    assert len(as_one) == 2
    assert sum(path == Path("/p") / name for path, name in packed.items()) == 1


@pytest.mark.parametrize("pair", [("C", "c"), ("\u00e9", "e\u0301"), ("{C}", "{c}")])
def test_pictures_are_told_apart_where_a_system_would_not(tmp_path, clip_folder, pair):
    frames = shutil.copytree(clip_folder, tmp_path / "frames")
    for number, name in zip(("00001", "00002"), sorted(pair), strict=True):
        (frames / f"{number}.png").rename(frames / f"{name}1.PNG")
    with open_video(frames) as reader:
        expected = [reader.read(i).tobytes() for i in range(reader.video.num_frames)]
    with zipfile.ZipFile(pack_of(tmp_path, frames)) as pack:
        names = [unicodedata.normalize("NFC", name).casefold() for name in pack.namelist()]
        assert len(names) == len(expected) + 1 == len(set(names))
    folder = unpack_project(tmp_path / "a.ifcpack", tmp_path / "b.ifcproj")
    shutil.rmtree(frames)
    with Project.open(folder) as other, open_video(other.find_video_file(1)) as reader:
        assert [reader.read(i).tobytes() for i in range(reader.video.num_frames)] == expected


def test_pictures_keep_their_names_and_order_or_are_refused():
    names = ["A1.png", "a1.png", "a1.tif", "a2.png"]
    packed = picture_names([Path("/p/frames") / name for name in names], Path("/p"))
    assert list(packed.values()) == ["A1.png", "a1.png_2.png", "a1.tif", "a2.png"]
    names.insert(2, "a1.png_2.png")  # leaves no place for the second one
    with pytest.raises(ProjectError, match=r"A1\.png and a1\.png in frames cannot.*rename one"):
        picture_names([Path("/p/frames") / name for name in names], Path("/p"))


def test_a_name_that_is_not_utf8_is_one_sentence(empty, tmp_path):
    name = os.fsdecode(b"caf\xe9.mp4")
    for path in (tmp_path / name, tmp_path / name / "clip.mp4"):
        with pytest.raises(ProjectError, match=r"not UTF-8.*rename it first"):
            empty.add_video(Video(path, 12, *SIZE, 10.0, "1-cc"))
    assert len(empty.videos()) == 2
    with pytest.raises(ProjectError, match=r"caf\?\.mp4 is not UTF-8"):
        Project.create(tmp_path / f"{name}.ifcproj")
    assert [p.name for p in tmp_path.iterdir()] == ["p.ifcproj"]


def test_a_project_in_a_folder_that_is_not_utf8_keeps_videos_beside_it(tmp_path, clip_file):
    home = tmp_path / os.fsdecode(b"caf\xe9")
    home.mkdir()
    film = Path(shutil.copy(clip_file, home / "clip.mp4"))
    with Project.create(home / "a.ifcproj") as project:
        with open_video(film) as reader:
            project.add_video(reader.video)
        assert project.find_video_file(1) == film


def test_a_pack_of_an_earlier_version_is_brought_up_to_date(tmp_path):
    with Project.create(tmp_path / "a.ifcproj") as project:
        fill(project)
        expected = state_of(project)
    file = tmp_path / "a.ifcproj" / "project.sqlite"
    db = sqlite3.connect(file)
    for statement in OLDER_SCHEMAS[1]:
        db.execute(statement)
    db.commit()
    db.close()
    with zipfile.ZipFile(tmp_path / "a.ifcpack", "w") as pack:
        pack.write(file, "project.sqlite")
    folder = unpack_project(tmp_path / "a.ifcpack", tmp_path / "b.ifcproj")
    assert not list(folder.glob("*before*"))
    with Project.open(folder, read_only=True) as other:
        assert state_of(other) == expected


def test_what_is_wrong_with_a_packed_project_is_told_under_its_name(project, tmp_path):
    db = sqlite3.connect(project.folder / "project.sqlite")
    db.execute("PRAGMA user_version = 99")
    db.commit()
    db.close()
    pack_project(project, tmp_path / "a.ifcpack")
    with pytest.raises(ProjectError, match=r"^b\.ifcproj was made by a later version"):
        unpack_project(tmp_path / "a.ifcpack", tmp_path / "b.ifcproj")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.ifcpack", "p.ifcproj"]


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
        with pytest.raises(OutputError, match=r"3\.1 MB, and the disk has 2\.0 MB free"):
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


def test_a_pack_is_unpacked_into_folders_that_are_not_there_yet(project, tmp_path):
    pack_project(project, tmp_path / "a.ifcpack")
    folder = unpack_project(tmp_path / "a.ifcpack", tmp_path / "new" / "er" / "b.ifcproj")
    with Project.open(folder) as opened:
        assert opened.name == project.name


def test_unpacking_that_fails_leaves_no_new_folders(project, tmp_path):
    pack_project(project, tmp_path / "a.ifcpack")
    context = JobContext()
    context.cancel()
    (tmp_path / "old").mkdir()
    for above in ("new", "old"):
        with pytest.raises(JobCancelled):
            unpack_project(tmp_path / "a.ifcpack", tmp_path / above / "er" / "b.ifcproj", context)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.ifcpack", "old", "p.ifcproj"]
    assert list((tmp_path / "old").iterdir()) == []


_KILLED = """
import os, signal, sys
from ifc_core.annotation import packing
packing._bring_up_to_date = lambda folder: os.kill(os.getpid(), signal.SIGKILL)
packing.unpack_project(sys.argv[1], sys.argv[2])
"""


@pytest.mark.skipif(os.name == "nt", reason="nobody can be killed so there")
def test_what_a_killed_unpacking_left_is_gone_after_the_next(project, tmp_path):
    pack, folder = tmp_path / "a.ifcpack", tmp_path / "new" / "b.ifcproj"
    pack_project(project, pack)
    subprocess.run([sys.executable, "-c", _KILLED, str(pack), str(folder)], check=False)
    (left,) = folder.parent.iterdir()
    assert left.name.startswith(".b.")
    unpack_project(pack, folder)
    assert [path.name for path in folder.parent.iterdir()] == ["b.ifcproj"]


_KILLED_PACKING = """
import os, signal, sys
from ifc_core.annotation import ProjectReader, packing
packing.zipfile.ZipFile = lambda *args, **kwargs: os.kill(os.getpid(), signal.SIGKILL)
with ProjectReader.open(sys.argv[1]) as reader:
    packing.pack_project(reader, sys.argv[2])
"""


@pytest.mark.skipif(os.name == "nt", reason="nobody can be killed so there")
def test_what_a_killed_packing_left_is_gone_after_the_next(project, tmp_path):
    place, aside = tmp_path / "packs", tmp_path / "temporary"
    place.mkdir()
    aside.mkdir()
    killed = [sys.executable, "-c", _KILLED_PACKING, str(project.folder), str(place / "a.ifcpack")]
    subprocess.run(killed, check=False, env={**os.environ, "TMPDIR": str(aside)})
    left = list(place.iterdir())
    assert any((path / "project.sqlite").is_file() for path in left)
    assert list(aside.iterdir()) == []  # a copy there would be found by nobody
    pack_project(project, place / "a.ifcpack")
    assert [path.name for path in place.iterdir()] == ["a.ifcpack"]


def test_where_there_is_no_room_for_the_copy_the_target_is_named(project, tmp_path, monkeypatch):
    def full(reader, target):
        target.execute("PRAGMA max_page_count = 2")
        target.execute("CREATE TABLE a (b)")
        target.execute("INSERT INTO a VALUES (zeroblob(100000))")

    monkeypatch.setattr(Project, "back_up", full)
    with pytest.raises(
        OutputError, match=r"^Cannot write .*a\.ifcpack: no space left on device\.$"
    ):
        pack_project(project, tmp_path / "a.ifcpack")
    assert [path.name for path in tmp_path.iterdir()] == ["p.ifcproj"]
