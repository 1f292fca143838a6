"""Readers where SQLite lets nobody write while another reads, as on network shares."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest

from ifc_core.annotation import (
    Project,
    ProjectReader,
    ReaderView,
    connection,
    edits,
    view_project,
)
from ifc_core.errors import ProjectError

from .conftest import box, fill


@pytest.fixture
def share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with two tracks, whose folder has no write-ahead log."""
    plain = connection._set_journal_mode
    monkeypatch.setattr(
        connection,
        "_set_journal_mode",
        lambda db, mode: "" if mode == "WAL" else plain(db, mode),
    )
    monkeypatch.setattr(connection, "_BUSY_SECONDS", 0.1)
    with Project.create(tmp_path / "p.ifcproj") as project:
        fill(project)
        project.apply(edits.NewTrack(1, 1, 0, box(1, 2)))
        assert project._db.execute("PRAGMA journal_mode").fetchone()[0] == "delete"
        return project.folder


def test_a_moments_reader_keeps_others_waiting(share: Path) -> None:
    with Project.open(share) as project, ProjectReader.open(share), pytest.raises(ProjectError):
        project.apply(edits.NewTrack(1, 1, 2, box(3, 4)))
    with Project.open(share) as project:
        project.apply(edits.NewTrack(1, 1, 2, box(3, 4)))


def test_nobody_waits_for_a_long_one_and_it_sees_what_was(share: Path) -> None:
    with Project.open(share) as project, view_project(share, ReaderView.COPY) as reader:
        before = [track.id for track in reader.tracks(1)]
        (added,) = project.apply(edits.NewTrack(1, 1, 2, box(3, 4))).tracks_added
        assert [track.id for track in reader.tracks(1)] == before
        assert reader.videos() == project.videos()
        with pytest.raises(sqlite3.OperationalError, match="readonly database"):
            reader._db.execute("DELETE FROM tracks")
    with view_project(share, ReaderView.COPY) as reader:
        assert [track.id for track in reader.tracks(1)] == [*before, added]


def test_one_of_the_present_sees_what_is_written_meanwhile(share: Path) -> None:
    with Project.open(share) as project, view_project(share, ReaderView.PRESENT) as reader:
        before = len(reader.tracks(1))
        project.apply(edits.NewTrack(1, 1, 2, box(3, 4)))
        assert len(reader.tracks(1)) == before + 1


def test_without_room_for_a_copy_it_reads_in_place(
    share: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(db: sqlite3.Connection) -> sqlite3.Connection:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("ifc_core.annotation.reader_views.copied_aside", full)
    with view_project(share, ReaderView.COPY) as reader:
        assert reader.tracks(1)


def test_beside_a_log_nothing_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(db: sqlite3.Connection) -> sqlite3.Connection:
        raise AssertionError("a log lets others write")

    monkeypatch.setattr("ifc_core.annotation.reader_views.copied_aside", forbidden)
    with Project.create(tmp_path / "p.ifcproj") as project:
        fill(project)
        with view_project(project.folder, ReaderView.COPY) as reader:
            began = time.monotonic()
            project.apply(edits.NewTrack(1, 1, 2, box(3, 4)))
            assert time.monotonic() - began < connection._BUSY_SECONDS
            assert len(reader.tracks(1)) == len(project.tracks(1)) - 1
