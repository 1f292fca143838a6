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
from napari_ifc.journal_text import step_text
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


def test_each_is_shown_in_the_language_of_the_window(session, editor):
    editor.commit_rle(disc(SIZE, (20, 20), 6), "Paint")
    editor.commit_rle(disc(SIZE, (20, 22), 6), "Smart erase")
    assert [row.text for row in editor.history()][:2] == [
        "⟦Smart erase⟧ ⟦track 1⟧, ⟦frame 0⟧",
        "⟦New track⟧",
    ]
    assert session.project.history()[0].label == "Smart erase track 1, frame 0"


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        (
            "Relabel track 3 (a, b) to my to, frames 2 to 5",
            "⟦Relabel ⟦track 3 (a, b)⟧ to my to, ⟦frames 2 to 5⟧⟧",
        ),
        ("Approve 1,234 tracks, the whole track", "⟦Approve ⟦1,234 tracks⟧, ⟦the whole track⟧⟧"),
        ("Approve the whole video", "⟦Approve ⟦the whole video⟧⟧"),
        ("Copy track 2 from frame 4 to 1 frame", "⟦Copy ⟦track 2⟧ from frame 4 to ⟦1 frame⟧⟧"),
        ("Extend track 2 to frame 9", "⟦Extend ⟦track 2⟧ to frame 9⟧"),
        ("Import 4 tracks from {a}.json", "⟦Import 4 tracks from {a}.json⟧"),
        (
            "Swap track 1 and track 2, from frame 3 on",
            "⟦Swap ⟦track 1⟧ and ⟦track 2⟧, ⟦from frame 3 on⟧⟧",
        ),
        ("What nobody knows", "What nobody knows"),
        ("", ""),
    ],
)
def test_forms_of_steps(monkeypatch, label, shown):
    monkeypatch.setattr(language, "_language", language.PSEUDO)
    assert step_text(label) == shown


def test_in_english_it_is_as_it_is_stored():
    assert language.is_english()
    assert step_text("New track 1, frame 2") == "New track 1, frame 2"


def test_no_label_of_an_edit_is_translated():
    batches = 0
    for file in PLUGIN.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "Batch":
                batches += 1
                names = {getattr(part, "id", "") for part in ast.walk(node)}
                assert "tr" not in names, f"{file}:{node.lineno}"
    assert batches > 5
