"""What was committed is brought to disk soon, by a thread that ends with the project."""

import os
import threading

from ifc_core.annotation import Project, syncing
from ifc_core.annotation.edits import SetCategory
from ifc_core.annotation.syncing import QuietSyncer, sync_file
from ifc_core.structures import Category


def test_a_change_is_synced_without_being_asked_for(tmp_path, monkeypatch):
    synced = threading.Event()
    paths = []

    def remember(path):
        paths.append(path)
        synced.set()

    monkeypatch.setattr(syncing, "sync_file", remember)
    syncer = QuietSyncer(tmp_path / "log", delay_seconds=0.0)
    assert not synced.is_set()
    for _ in range(2):
        syncer.touch()
        assert synced.wait(30)
        synced.clear()
    syncer.close()
    assert paths[:2] == [tmp_path / "log"] * 2


def test_the_thread_ends_with_the_project_and_before_its_delay(tmp_path):
    before = threading.active_count()
    with Project.create(tmp_path / "p.ifcproj") as project:
        project.apply(SetCategory(Category(1, "cat")))
        assert threading.active_count() == before + 1
    assert threading.active_count() == before


def test_sync_file_reaches_the_system(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", synced.append)
    (tmp_path / "log").write_text("x")
    sync_file(tmp_path / "log")
    assert len(synced) == 1
    sync_file(tmp_path / "none")
    assert len(synced) == 1
