"""Opening, locking, refusing, repairing: the project file in a world that fails."""

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from ifc_core.annotation import Project, ProjectReader, Scope
from ifc_core.annotation.edits import MarkAbsent, NewTrack, SetMask
from ifc_core.errors import ProjectError, ProjectLockedError

from .conftest import NUM_FRAMES, box, fill, state_of


def run_python(code: str, *args: object) -> str:
    """Run code in another process and return what it prints."""
    command = [sys.executable, "-c", code, *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_create_and_open(tmp_path):
    with Project.create(tmp_path / "cells.ifcproj") as project:
        assert project.name == "cells"
        assert {p.name for p in project.folder.iterdir()} >= {"models", "runs", "exports"}
        assert project._db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert project._db.execute("PRAGMA trusted_schema").fetchone()[0] == 0
    with Project.open(tmp_path / "cells.ifcproj" / "project.sqlite") as again:
        assert not again.read_only
        assert again.notice == ""


def test_create_refuses_a_folder_that_is_not_empty(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ProjectError, match="not an empty folder"):
        Project.create(tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_create_in_an_impossible_place_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ProjectError, match="cannot be made"):
        Project.create(tmp_path / "file" / "p.ifcproj")


@pytest.mark.parametrize("content", [b"", b"not a database at all, but long enough" * 40])
def test_what_is_no_project_is_refused(tmp_path, content):
    with pytest.raises(ProjectError, match="not an IFC Studio project"):
        Project.open(tmp_path)
    (tmp_path / "project.sqlite").write_bytes(content)
    with pytest.raises(ProjectError, match=r"not an IFC Studio project|not a database"):
        Project.open(tmp_path)
    with pytest.raises(ProjectError):
        ProjectReader.open(tmp_path)


def edit_file(folder: Path, *statements: str) -> None:
    db = sqlite3.connect(folder / "project.sqlite", isolation_level=None)
    for statement in statements:
        db.execute(statement)
    db.close()


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("PRAGMA user_version = 99", "later version"),
        ("PRAGMA application_id = 1", "not an IFC Studio project"),
        ("CREATE TRIGGER t AFTER INSERT ON masks BEGIN DELETE FROM tracks; END", "triggers"),
        ("CREATE VIEW v AS SELECT 1", "views"),
        ("DROP TABLE staged", "lacks staged"),
    ],
)
def test_a_strange_file_is_refused_untouched(project, statement, sentence):
    project.close()
    edit_file(project.folder, statement)
    content = (project.folder / "project.sqlite").read_bytes()
    with pytest.raises(ProjectError, match=sentence):
        Project.open(project.folder)
    with pytest.raises(ProjectError, match=sentence):
        ProjectReader.open(project.folder)
    assert (project.folder / "project.sqlite").read_bytes() == content


def test_a_damaged_mask_never_reaches_native_code(project):
    project._db.execute("UPDATE masks SET counts = ?", (b"\x7f" * 50,))
    with pytest.raises(ProjectError, match="damaged mask"):
        project.masks_at(1, 2)
    with pytest.raises(ProjectError, match="damaged mask"):
        project.apply(SetMask(1, 2, box(0, 0))) and project.mask(1, 6)
    assert any("no sound mask" in fault for fault in project.check())


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("DELETE FROM masks WHERE id = 1", "record that does not exist"),
        ("DELETE FROM tracks", "track that does not exist"),
        ("UPDATE current SET frame_index = 500 WHERE frame_index = 2", "outside its video"),
        ("UPDATE current SET state = 9", "unknown state"),
        ("UPDATE current SET area = 1", "disagree"),
        ("UPDATE tracks SET video_id = 9", "in no video"),
        ("DELETE FROM categories", "no category"),
    ],
)
def test_check_finds_what_does_not_hang_together(project, statement, fault):
    assert project.check() == []
    project._db.execute(statement)
    assert any(fault in found for found in project.check())


def test_a_second_process_opens_read_only_and_says_so(project):
    code = """
import sys
from ifc_core.annotation import Project
from ifc_core.annotation.edits import NewTrack
from ifc_core.errors import ProjectError, ProjectLockedError
project = Project.open(sys.argv[1])
print(project.read_only, len(project.tracks(1)))
print(project.notice)
try:
    project.apply(NewTrack(1, 1))
except ProjectError as error:
    print(error)
try:
    Project.open(sys.argv[1], if_locked="error")
except ProjectLockedError as error:
    print("locked:", error)
project.close()
"""
    lines = run_python(code, project.folder).splitlines()
    assert lines[0] == "True 1"
    assert lines[1].startswith("p.ifcproj is open in another window (process ")
    assert str(os.getpid()) in lines[1]
    assert lines[2] == lines[1]
    assert lines[3].startswith("locked: p.ifcproj is open in another window")
    assert project.apply(NewTrack(1, 1)).tracks_added  # the first one goes on writing


def test_a_second_window_of_one_process_is_read_only_too_and_sees_edits(project):
    with Project.open(project.folder) as second:
        assert second.read_only
        project.apply(SetMask(1, 9, box(0, 0)))
        assert second.mask(1, 9).rle == box(0, 0)
    with pytest.raises(ProjectLockedError):
        Project.open(project.folder, if_locked="error")
    project.close()
    with Project.open(project.folder, if_locked="error") as third:
        assert not third.read_only


def test_a_reader_sees_one_snapshot(project):
    with ProjectReader.open(project.folder) as reader:
        project.apply(SetMask(1, 9, box(0, 0)))
        assert reader.mask(1, 9) is None
    with ProjectReader.open(project.folder) as reader:
        assert reader.mask(1, 9).rle == box(0, 0)


@pytest.mark.skipif(sys.platform == "win32", reason="another way of locking")
def test_a_disk_without_locks_is_not_called_another_window(project, monkeypatch):
    import fcntl

    def refuse(descriptor, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    folder = project.folder
    project.close()
    monkeypatch.setattr(fcntl, "flock", refuse)
    with Project.open(folder, if_locked="error") as opened:
        assert opened.read_only
        assert "cannot keep two writers apart" in opened.notice
        with pytest.raises(ProjectError, match="two writers"):
            opened.apply(MarkAbsent(1, Scope(0, 0)))


def test_read_only_on_request(project):
    project.close()
    with Project.open(project.folder, read_only=True) as reading:
        assert reading.read_only
        with pytest.raises(ProjectError, match="read-only"):
            reading.undo()


READ_IN_A_CLOSED_FOLDER = """
import os, sys
from ifc_core.annotation import Project
from ifc_core.annotation.edits import NewTrack
from ifc_core.errors import ProjectError
if sys.argv[2] != "None":  # root may write everywhere, so become somebody else
    os.setresuid(*[int(sys.argv[2])] * 3)
try:
    open(os.path.join(sys.argv[1], "probe"), "w")
except OSError:
    print("closed")
project = Project.open(sys.argv[1])
print(project.read_only, project.notice)
print([record.frame_index for record in project.track_masks(1)], project.check())
try:
    project.apply(NewTrack(1, 1))
except ProjectError as error:
    print(error)
project.close()
"""


def close_folder(folder: Path) -> int | None:
    """Take every permission to write away; returns the account that is held by that."""
    for path in (*folder.iterdir(), folder):
        path.chmod(0o555 if path.is_dir() else 0o444)
    return 65534 if os.geteuid() == 0 else None


@pytest.fixture
def public_place():
    """A folder that every account may enter, unlike pytest's own."""
    place = Path(tempfile.mkdtemp(prefix="ifc-test-"))
    place.chmod(0o755)
    yield place
    for path in (place / "p.ifcproj", *(place / "p.ifcproj").iterdir()):
        path.chmod(0o755)
    shutil.rmtree(place)


@pytest.mark.skipif(os.name == "nt", reason="folders of Windows have no such permission")
def test_a_folder_that_cannot_be_written_is_read(project, public_place):
    project.close()
    folder = Path(shutil.copytree(project.folder, public_place / "p.ifcproj"))
    lines = run_python(READ_IN_A_CLOSED_FOLDER, folder, close_folder(folder)).splitlines()
    assert lines[0] == "closed"
    assert lines[1] == "True p.ifcproj cannot be written here, so it is open read-only."
    assert lines[2] == "[2, 6] []"
    assert "cannot be written here" in lines[3]


@pytest.mark.skipif(os.name == "nt", reason="folders of Windows have no such permission")
def test_a_write_ahead_log_in_a_closed_folder_is_not_lost(project, public_place):
    project.apply(SetMask(1, 8, box(0, 0)))
    folder = public_place / "p.ifcproj"
    shutil.copytree(project.folder, folder, ignore=shutil.ignore_patterns("*-shm", "project.lock"))
    assert (folder / "project.sqlite-wal").stat().st_size > 0
    lines = run_python(READ_IN_A_CLOSED_FOLDER, folder, close_folder(folder)).splitlines()
    assert lines[0] == "closed"
    assert lines[2] == "[2, 6, 8] []"


@pytest.mark.skipif(os.name == "nt", reason="folders of Windows have no such permission")
def test_a_folder_that_may_not_be_entered_gives_one_sentence(project, public_place):
    folder = Path(shutil.copytree(project.folder, public_place / "p.ifcproj"))
    user = close_folder(folder)
    folder.chmod(0o000)
    code = READ_IN_A_CLOSED_FOLDER.replace(
        "project = Project.open(sys.argv[1])",
        "try:\n    Project.open(sys.argv[1])\n"
        "except ProjectError as error:\n    print(error)\nsys.exit()",
    )
    lines = run_python(code, folder, user).splitlines()
    assert lines == ["closed", f"{folder} cannot be read: permission denied."]
    folder.chmod(0o755)


def test_a_full_disk_refuses_the_edit_and_keeps_the_project(project):
    before, history = state_of(project), project.history()
    pages = project._db.execute("PRAGMA page_count").fetchone()[0]
    project._db.execute(f"PRAGMA max_page_count = {pages}")

    def draw_until_full():
        nonlocal before, history
        for number in range(2000):
            project.apply(NewTrack(1, 1, number % NUM_FRAMES, box(number % 10, 3)))
            before, history = state_of(project), project.history()

    with pytest.raises(ProjectError, match="disk is full") as caught:
        draw_until_full()
    assert caught.value.exit_code == 2
    assert state_of(project) == before
    assert project.history() == history
    assert project.check() == []
    project._db.execute("PRAGMA max_page_count = 1000000")
    assert project.apply(NewTrack(1, 1, 0, box(1, 1))).tracks_added


@pytest.mark.skipif(os.name == "nt", reason="Windows limits no file sizes")
def test_a_file_that_cannot_grow_refuses_the_edit(project):
    """The same through the operating system: writes really fail."""
    project.close()
    code = """
import resource, signal, sys
from ifc_core.annotation import Project, Scope
from ifc_core.annotation.edits import MarkAbsent
from ifc_core.errors import ProjectError
project = Project.open(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
count = len(project.history())
try:
    for frame in range(12):
        project.apply(MarkAbsent(1, Scope.this_frame(frame)))
        count += 1
except ProjectError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(count == len(project.history()), project.check())
print(project.apply(MarkAbsent(1, Scope.whole())).num_masks > 0)
project.close()
"""
    lines = run_python(code, project.folder).splitlines()
    assert "nothing was changed" in lines[0]
    assert lines[1:] == ["True []", "True"]


def test_a_file_damaged_in_a_crash_is_not_opened(project):
    project.apply(MarkAbsent(1, Scope.whole()))
    project.close()
    path = project.folder / "project.sqlite"
    data = bytearray(path.read_bytes())
    for page in range(2, len(data) // 4096):
        data[page * 4096 : page * 4096 + 100] = os.urandom(100)
    path.write_bytes(data)
    (project.folder / "project.lock").write_text('{"pid": 1, "host": "gone"}')
    with pytest.raises(ProjectError, match="damaged"):
        Project.open(project.folder)


def test_models_are_versions_with_a_way_back(project):
    inside = project.folder / "models" / "v1.safetensors"
    first = project.add_model("v1", inside, parent="base", provenance={"frames": 12})
    assert not first.active
    assert project.active_model() is None
    assert project.active_model_since() is None
    before = time.time()
    project.add_model("v2", "ifc-r18", metrics={"ap": 0.5}, activate=True)
    project.set_active_model("v1")
    assert project.active_model().path == str(inside)
    since = [before, project.active_model_since()]
    assert project.roll_back_model().name == "v2"
    since.append(project.active_model_since())
    assert project.roll_back_model() is None
    since.append(project.active_model_since())
    assert project.roll_back_model() is None
    assert since == sorted(set(since))  # each came into use after the one before
    with pytest.raises(ProjectError, match="already"):
        project.add_model("v1", inside)
    with pytest.raises(ProjectError, match="no model"):
        project.set_active_model("v9")
    history = project.history()
    assert [m.name for m in project.models()] == ["v1", "v2"]
    assert project.models()[0].provenance == {"frames": 12}
    assert project.history() == history
    moved = project.folder.with_name("moved.ifcproj")
    project.close()
    project.folder.rename(moved)
    with Project.open(moved) as again:
        assert again.models()[0].path == str(moved / "models" / "v1.safetensors")


def test_models_are_found_from_a_folder_beside_the_project(tmp_path, monkeypatch):
    beside = tmp_path / "beside"
    beside.mkdir()
    monkeypatch.chdir(beside)
    with Project.create("../p.ifcproj") as project:
        project.add_model("v1", project.folder / "models" / "v1.safetensors")
        assert Path(project.models()[0].path).parent.samefile(project.folder / "models")
    moved = tmp_path / "moved.ifcproj"
    (tmp_path / "p.ifcproj").rename(moved)
    with Project.open("../moved.ifcproj") as again:
        (model,) = again.models()
        assert Path(model.path).parent.samefile(moved / "models")


def test_the_look_up_of_a_frame_uses_the_index(empty):
    fill_more = empty.apply(NewTrack(1, 1, 0, box(1, 1)))
    assert fill_more.tracks_added
    plan = empty._db.execute(
        "EXPLAIN QUERY PLAN SELECT * FROM current JOIN masks ON masks.id = mask_id "
        "WHERE video_id = 1 AND frame_index = 0"
    ).fetchall()
    text = " ".join(row[-1] for row in plan)
    assert "USING PRIMARY KEY (video_id=? AND frame_index=?)" in text
    assert "SCAN" not in text


def test_the_writer_releases_everything(tmp_path):
    project = Project.create(tmp_path / "p.ifcproj")
    fill(project)
    project.sync()
    project.close()
    project.close()
    assert (project.folder / "project.lock").read_bytes() == b""
    assert not (project.folder / "project.sqlite-wal").exists()
