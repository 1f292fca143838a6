"""Project files of earlier schema versions: brought up to date, or left as they are."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ifc_core.annotation import Project, Scope, StagedMask, schema
from ifc_core.annotation.delta import Delta
from ifc_core.annotation.edits import DeleteTracks, MarkAbsent, RemoveVideo, SetVideo
from ifc_core.errors import ProjectError

from .conftest import OLDER_SCHEMAS, box, state_of
from .test_store import edit_file, run_python


def damage_an_index(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        query = "SELECT rootpage FROM sqlite_master WHERE name = 'current_by_track'"
        page = db.execute(query).fetchone()[0]
    data = bytearray(path.read_bytes())
    data[(page - 1) * 4096 : (page - 1) * 4096 + 100] = b"\xff" * 100
    path.write_bytes(data)


def test_an_older_file_is_migrated_after_a_copy(project):
    """The first version knew nothing of the quality of masks."""
    before = project.track_frames(1)
    project.close()
    edit_file(project.folder, *OLDER_SCHEMAS[1])
    with Project.open(project.folder) as newer:
        assert schema.file_version(newer._db) == 4
        assert newer.track_frames(1) == before
        run_id = newer.begin_run("propose", 1, {})
        newer.stage(run_id, 0, [StagedMask(0, box(1, 1), quality=0.75)])
        assert newer.staged_masks_at(run_id, 0)[0].quality == 0.75
    copy = sqlite3.connect(project.folder / "project.before-v4.sqlite")
    assert schema.file_version(copy) == 1
    copy.close()


def test_the_history_of_a_file_that_knew_no_parents_can_be_undone(project):
    """Its entries hold tracks with one value less."""
    project.apply(DeleteTracks((1,)))
    expected = state_of(project)
    old = {}
    for seq, data in project._db.execute("SELECT seq, delta FROM journal").fetchall():
        delta = Delta.decode(data)
        delta.rows["tracks"] = {
            key: tuple(row and row[:9] for row in pair)
            for key, pair in delta.rows["tracks"].items()
        }
        old[seq] = delta.encode()
    project.close()
    with closing(sqlite3.connect(project.folder / "project.sqlite")) as db, db:
        db.executemany(
            "UPDATE journal SET delta = ? WHERE seq = ?", [(d, s) for s, d in old.items()]
        )
    edit_file(project.folder, *OLDER_SCHEMAS[2])
    with Project.open(project.folder) as newer:
        newer.undo()
        assert newer.track(1).parent_id is None
        newer.redo()
        assert state_of(newer) == expected
        assert newer.check() == []


def test_a_file_that_knew_no_scales_gets_them_and_its_history_can_be_undone(project):
    """Its entries hold videos with two values less."""
    project.apply(SetVideo(1, name="kitchen", annotation_step=5))
    project.apply(RemoveVideo(2))
    after = state_of(project)
    old = {}
    for seq, data in project._db.execute("SELECT seq, delta FROM journal").fetchall():
        delta = Delta.decode(data)
        delta.rows["videos"] = {
            key: tuple(row and row[:10] for row in pair)
            for key, pair in delta.rows["videos"].items()
        }
        old[seq] = delta.encode()
    project.close()
    with closing(sqlite3.connect(project.folder / "project.sqlite")) as db, db:
        db.executemany(
            "UPDATE journal SET delta = ? WHERE seq = ?", [(d, s) for s, d in old.items()]
        )
    edit_file(project.folder, *OLDER_SCHEMAS[3])
    with Project.open(project.folder) as newer:
        assert state_of(newer) == after
        newer.apply(SetVideo(1, um_per_px=0.5))
        newer.undo()
        for _ in range(2):
            newer.undo()
        assert [entry.name for entry in newer.videos()] == ["a", "b"]
        assert {entry.um_per_px for entry in newer.videos()} == {None}
        for _ in range(3):
            newer.redo()
        assert newer.video(1).um_per_px == 0.5
        assert newer.check() == []


def test_an_older_file_that_another_window_holds_says_so(project):
    project.close()
    with Project.open(project.folder) as first:
        edit_file(project.folder, *OLDER_SCHEMAS[2])
        code = (
            "import sys; from ifc_core.annotation import Project\n"
            "from ifc_core.errors import OlderProjectError\n"
            "try: Project.open(sys.argv[1])\n"
            "except OlderProjectError as error: print(error)"
        )
        said = run_python(code, first.folder)
        edit_file(project.folder, "ALTER TABLE tracks ADD COLUMN parent_id INTEGER")
        edit_file(project.folder, "ALTER TABLE videos ADD COLUMN given_fps REAL")
        edit_file(project.folder, "ALTER TABLE videos ADD COLUMN um_per_px REAL")
        edit_file(project.folder, "PRAGMA user_version = 4")
    assert "was not brought up to date: p.ifcproj is open in another window" in said


def test_a_damaged_older_file_is_not_brought_up_to_date(project):
    project.close()
    edit_file(project.folder, *OLDER_SCHEMAS[2])
    path = project.folder / "project.sqlite"
    damage_an_index(path)
    before = path.read_bytes()
    with pytest.raises(ProjectError, match="damaged"):
        Project.open(project.folder)
    assert path.read_bytes() == before
    assert list(project.folder.glob("*before*")) == []


def test_an_older_file_damaged_in_a_crash_is_neither_migrated_nor_copied(project):
    """A copy of before that is damaged itself would look like the way back."""
    project.apply(MarkAbsent(1, Scope.whole()))
    project.close()
    edit_file(project.folder, *OLDER_SCHEMAS[1])
    path = project.folder / "project.sqlite"
    damage_an_index(path)
    data = path.read_bytes()
    (project.folder / "project.lock").write_text('{"pid": 1, "host": "gone"}')
    with pytest.raises(ProjectError, match="was damaged when it was last in use"):
        Project.open(project.folder)
    assert path.read_bytes() == data
    assert list(project.folder.glob("*before*")) == []


def test_a_migration_that_fails_changes_nothing(project):
    def broken(db):
        db.execute("DELETE FROM tracks")
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        schema.migrate(project._db, {4: broken}, target=5)
    assert schema.file_version(project._db) == 4
    assert len(project.tracks(1)) == 1
