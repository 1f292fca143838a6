"""The journal is in English, whatever language the window speaks."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from fake_engine import SIZE, disc

import napari_ifc
from napari_ifc import language
from napari_ifc.controllers.bulk import BulkController
from napari_ifc.controllers.classes import ClassBook
from napari_ifc.controllers.editing import EditController
from napari_ifc.controllers.tracks import TrackIndex
from napari_ifc.rows import FrameRange

PLUGIN = Path(napari_ifc.__file__).parent


@pytest.fixture
def editor(session, monkeypatch):
    monkeypatch.setattr(language, "_language", language.PSEUDO)
    index = TrackIndex(session.project, session.entry.id)
    return EditController(session.project, session.entry, index, lambda result: None)


def test_steps_of_every_kind_are_stored_in_english(session, editor):
    project, entry = session.project, session.entry
    index = editor._index
    editor.commit_rle(disc(SIZE, (20, 20), 6), "Paint")
    first = editor.current
    editor.relabel("whale")
    editor.select(())
    editor.commit_rle(disc(SIZE, (30, 40), 5), "Paint")
    bulk = BulkController(project, entry, index, editor.apply)
    bulk.relabel((first, editor.current), "bird")
    bulk.extend(FrameRange(2, 3, (first,)))
    bulk.mark_absent(FrameRange(4, 5, (first,)))
    bulk.mark_absent(FrameRange(5, 6, (first, editor.current)))
    book = ClassBook(project, editor)
    book.save([*book.rows(), type(book.rows()[0])(0, "fish", color_rgb=(9, 9, 9))])
    labels = [step.label for step in project.history()]
    assert labels[:7] == [
        "Edit classes",
        "Mark 2 tracks absent, frames 5 to 6",
        "Mark track 1 absent, frames 4 to 5",
        "Extend 1 track, frames 2 to 3",
        "Relabel 2 tracks to bird",
        "New track 2, frame 0",
        "Relabel to whale",
    ]
    assert labels[7] == "New track"
    assert language.tr("Undo") != "Undo"


def test_no_label_of_an_edit_is_translated():
    batches = 0
    for file in PLUGIN.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "Batch":
                batches += 1
                names = {getattr(part, "id", "") for part in ast.walk(node)}
                assert "tr" not in names, f"{file}:{node.lineno}"
    assert batches > 5
