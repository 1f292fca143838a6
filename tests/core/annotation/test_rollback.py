"""A writer killed in DELETE mode, as on network shares, leaves a journal to be rolled back."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from ifc_core.annotation import Project, ProjectReader, opening
from ifc_core.annotation.edits import NewTrack
from ifc_core.errors import ProjectError

from .conftest import box, fill, state_of
from .test_store import READ_IN_A_CLOSED_FOLDER, close_folder, public_place, run_python

__all__ = ["public_place"]

KILLED_WHILE_WRITING = """
import os, signal, sys
from ifc_core.annotation import Project, connection
plain = connection._set_journal_mode
connection._set_journal_mode = lambda db, mode: "" if mode == "WAL" else plain(db, mode)
db = Project.open(sys.argv[1])._db
assert db.execute("PRAGMA journal_mode = DELETE").fetchone()[0] == "delete"
db.execute("PRAGMA cache_size = 5")  # what does not fit goes to the file before the commit
db.execute("BEGIN IMMEDIATE")
db.execute("UPDATE tracks SET category_id = 7")
for number in range(300):
    db.execute("INSERT INTO annotators (name) VALUES (?)", (f"{number:04d}" * 200,))
os.kill(os.getpid(), signal.SIGKILL)
"""

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")


def kill_while_writing(folder: Path) -> None:
    """Leave a file that is written in part, and the journal of what it was before."""
    with closing(sqlite3.connect(folder / "project.sqlite")) as db:
        assert db.execute("PRAGMA journal_mode = DELETE").fetchone()[0] == "delete"
    before = (folder / "project.sqlite").read_bytes()
    command = [sys.executable, "-c", KILLED_WHILE_WRITING, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert (folder / "project.sqlite").read_bytes() != before
    assert (folder / "project.sqlite-journal").stat().st_size > 512


def contents(folder: Path) -> dict[str, bytes]:
    """The bytes of the database and what lies beside it."""
    return {path.name: path.read_bytes() for path in folder.glob("project.sqlite*")}


@pytest.fixture
def killed(tmp_path):
    """(a project whose writer was killed, what it held before)."""
    with Project.create(tmp_path / "p.ifcproj") as project:
        fill(project)
        project.apply(NewTrack(1, 1, 2, box(1, 1)))
        state = state_of(project)
    kill_while_writing(project.folder)
    return project.folder, state


def damage(folder: Path) -> None:
    """Spoil an index that the killed writer had not touched."""
    with closing(sqlite3.connect(f"file:{folder}/project.sqlite?immutable=1", uri=True)) as db:
        query = "SELECT rootpage FROM sqlite_master WHERE name = 'current_by_track'"
        page = db.execute(query).fetchone()[0]
    with (folder / "project.sqlite").open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 100)


def test_it_opens_again_as_it_was_before_the_unfinished_edit(killed):
    folder, state = killed
    with Project.open(folder) as project:
        assert not project.read_only
        assert "not closed in order last time" in project.notice
        assert state_of(project) == state
        assert project.check() == []
        assert project.undo() is not None
    assert list(folder.glob("project.sqlite-*")) == []


def test_a_reader_is_told_to_open_it_for_writing_once(killed):
    folder, state = killed
    before = contents(folder)
    with pytest.raises(ProjectError, match=r"not closed in order.*open it for writing once"):
        ProjectReader.open(folder)
    with pytest.raises(ProjectError, match=r"not closed in order.*open it for writing once"):
        Project.open(folder, read_only=True)
    assert contents(folder) == before
    Project.open(folder).close()
    with Project.open(folder, read_only=True) as project:
        assert state_of(project) == state


def test_a_damaged_file_is_left_with_its_journal(killed):
    folder, _ = killed
    damage(folder)
    before = contents(folder)
    for _ in range(2):
        with pytest.raises(ProjectError, match="damaged"):
            Project.open(folder)
        assert contents(folder) == before


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("PRAGMA application_id = 1", "not an IFC Studio project"),
        ("CREATE TRIGGER t AFTER INSERT ON masks BEGIN DELETE FROM tracks; END", "triggers"),
    ],
)
def test_a_strange_file_is_left_with_its_journal(killed, statement, sentence):
    folder, _ = killed
    Project.open(folder).close()
    with closing(sqlite3.connect(folder / "project.sqlite", isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = DELETE")
        db.execute(statement)
        db.execute("PRAGMA cache_size = 5")
        db.execute("BEGIN IMMEDIATE")
        db.executemany(
            "INSERT INTO annotators (name) VALUES (?)", [(f"{n}" * 800,) for n in range(300)]
        )
        copy = Path(shutil.copytree(folder, folder.with_name("copy.ifcproj")))
        db.execute("ROLLBACK")
    before = contents(copy)
    assert "project.sqlite-journal" in before
    with pytest.raises(ProjectError, match=sentence):
        Project.open(copy)
    assert contents(copy) == before


def test_a_journal_that_names_another_file_is_not_rolled_back(killed, tmp_path):
    """SQLite deletes the file that such a journal names; no project has one."""
    folder, _ = killed
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    name = str(mine).encode()
    with (folder / "project.sqlite-journal").open("ab") as file:
        file.write((0x40000000 // 4096 + 1).to_bytes(4, "big") + name)
        file.write(len(name).to_bytes(4, "big") + sum(name).to_bytes(4, "big"))
        file.write(bytes.fromhex("d9d505f920a163d7"))
    before = contents(folder)
    with pytest.raises(ProjectError, match="names another file"):
        Project.open(folder)
    assert mine.read_text() == "mine"
    assert contents(folder) == before


def test_a_disk_without_room_for_the_look_gives_one_sentence(killed, monkeypatch):
    folder, state = killed
    before = contents(folder)

    def full(*_args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfile", full)
        with pytest.raises(ProjectError, match="no space left"):
            Project.open(folder)
    assert contents(folder) == before
    with Project.open(folder) as project:
        assert state_of(project) == state


def test_a_file_that_cannot_be_rolled_back_here_says_so(killed, monkeypatch):
    folder, _ = killed

    def refuse(_path):
        error = sqlite3.OperationalError("attempt to write a readonly database")
        error.sqlite_errorcode = sqlite3.SQLITE_READONLY
        raise error

    monkeypatch.setattr(opening, "connect_for_writing", refuse)
    with pytest.raises(ProjectError, match="cannot be written here"):
        Project.open(folder)


def test_a_closed_folder_is_read_as_it_was_before(killed, public_place):
    folder = Path(shutil.copytree(killed[0], public_place / "p.ifcproj"))
    (folder / "project.lock").unlink()
    left = set(Path(tempfile.gettempdir()).glob("ifc-project-*"))
    lines = run_python(READ_IN_A_CLOSED_FOLDER, folder, close_folder(folder)).splitlines()
    assert lines[0] == "closed"
    assert lines[1] == "True p.ifcproj cannot be written here, so it is open read-only."
    assert lines[2] == "[2] []"
    assert "cannot be written here" in lines[3]
    assert set(Path(tempfile.gettempdir()).glob("ifc-project-*")) <= left
