"""The journal is in English, whatever language the window speaks."""

from __future__ import annotations

import ast
import inspect
import itertools
import sys
import textwrap
from pathlib import Path

import pytest
from fake_engine import SIZE, disc

import napari_ifc
from ifc_core.annotation.edits import Edit
from ifc_core.annotation.edits.tracks import KIND_WORDS
from napari_ifc import language
from napari_ifc.controllers.bulk import BulkController
from napari_ifc.controllers.classes import ClassBook
from napari_ifc.controllers.editing import EditController
from napari_ifc.controllers.mask_shapes import SHAPES
from napari_ifc.controllers.tracks import TrackIndex
from napari_ifc.core_words import TOOLS
from napari_ifc.journal_text import note_text, step_text
from napari_ifc.rows import FrameRange

PLUGIN = Path(napari_ifc.__file__).parent
_ONE = ("track 1", "track 12 (Ann)")
_MANY = (*_ONE, "tracks 4 and 12", "tracks 4, 5 and 12", "1,234 tracks")
_SCOPES = ("the whole track", "frame 8", "from frame 7 on", "frames 0 to 5")
_SAMPLES = {
    "name_of(track)": _ONE,
    "name_of(kept)": _ONE,
    "name_of(first)": _ONE,
    "name_of(second)": _ONE,
    "name_of(parent)": _ONE,
    "named": _ONE,
    "names_of(tracks)": _MANY,
    "names_of(others)": _MANY,
    "names_of(daughters)": _MANY,
    "numbers_of(track_ids)": _MANY,
    "numbers_of(marked.track_ids)": _MANY,
    "self.scope.describe()": _SCOPES,
    "scope.describe()": _SCOPES,
    "scope": _SCOPES,
    "covered": _SCOPES,
    "keep.describe()": _SCOPES,
    "self.keep.describe()": _SCOPES,
    "_scope(marked).describe()": _SCOPES,
    "_of_video(self.scope)": ("the whole video", *_SCOPES[1:]),
    "_count(len(frames))": ("1 frame", "5 frames"),
    "counted": ("1 track", "5 tracks"),
    "edit.tool": TOOLS,
    "'track' if len(made) == 1 else 'tracks'": ("tracks",),
    "written": ("1 mask", "5 masks"),
    "'Add' if old is None else 'Change'": ("Add", "Change"),
    "self.name": ("Ann",),
    **dict.fromkeys(("KIND_WORDS[kind]", "KIND_WORDS[self.kind]"), tuple(KIND_WORDS.values())),
    **dict.fromkeys(("category.name", "class_name", "new[1]", "video.name"), ("a b",)),
    **dict.fromkeys(("insert_video(tx, self)[1]", "printable(self.source)"), ("a b.mp4",)),
    **dict.fromkeys(("track.id", "new.id", "frame_index", "self.frame_index"), ("3",)),
    **dict.fromkeys(("self.first", "self.last", "self.to_frame", "self.from_frame"), ("4",)),
    **dict.fromkeys(("len(made)", "len(named)", "len(steps)", "len(targets)"), ("5",)),
}
"""What the parts of a label can be, by the expression that makes them."""


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
        "Mark tracks 1 and 2 absent, frames 5 to 6",
        "Mark track 1 absent, frames 4 to 5",
        "Extend track 1, frames 2 to 3",
        "Relabel tracks 1 and 2 to bird",
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
        (
            "Divide track 7 (Ann) into tracks 12, 13 and 20",
            "⟦Divide ⟦track 7 (Ann)⟧ into ⟦tracks 12, 13 and 20⟧⟧",
        ),
        ("Divide track 7 into 2 tracks", "⟦Divide ⟦track 7⟧ into ⟦2 tracks⟧⟧"),  # as it was before
        ("Approve the whole video", "⟦Approve ⟦the whole video⟧⟧"),
        ("Copy track 2 from frame 4 to 1 frame", "⟦Copy ⟦track 2⟧ from frame 4 to ⟦1 frame⟧⟧"),
        ("Extend track 2 to frame 9", "⟦Extend ⟦track 2⟧ to frame 9⟧"),
        ("Import 4 tracks from {a}.json", "⟦Import ⟦4 tracks⟧ from {a}.json⟧"),
        (
            "Swap track 1 and track 2, from frame 3 on",
            "⟦Swap ⟦track 1⟧ and ⟦track 2⟧, ⟦from frame 3 on⟧⟧",
        ),
        ("Import 1 track from a.json", "⟦Import ⟦1 track⟧ from a.json⟧"),
        ("Rename track 3 to nothing", "⟦Rename track 3 to nothing⟧"),  # as it was before
        ("Take the name of track 3 away", "⟦Take the name of track 3 away⟧"),
        ("Make track 3 a region of kind object", "⟦Make ⟦track 3⟧ a region of kind object⟧"),  # too
        ("Make track 3 an object again", "⟦Make ⟦track 3⟧ an object again⟧"),
        ("Make tracks 3 and 4 a crowd", "⟦Make ⟦tracks 3 and 4⟧ a crowd⟧"),
        (
            "Make track 3 (Ann) a region to ignore",
            "⟦Make ⟦track 3 (Ann)⟧ a region to ignore⟧",
        ),
        ("Rename track 3 to Ann", "⟦Rename track 3 to Ann⟧"),
        ("Set the scale of 2 videos", "⟦Set the scale of 2 videos⟧"),
        (
            "Set the scale and the frames per second of a b",
            "⟦Set the scale and the frames per second of a b⟧",
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


def _subclasses(kind):
    for each in kind.__subclasses__():
        yield each
        yield from _subclasses(each)


def _labels_of(function):
    """The expressions of what ``Edit.perform`` can return."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    values = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            values.setdefault(node.targets[0].id, []).append(node.value)

    def expand(node):
        if isinstance(node, ast.Name):
            for value in values[node.id]:
                yield from expand(value)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield from _labels_of(getattr(sys.modules[function.__module__], node.func.id))
        else:
            yield node

    for node in ast.walk(tree):
        if isinstance(node, ast.Return) and node.value is not None:
            yield from expand(node.value)


def _filled_in(label):
    """Every text that a label can be."""
    parts = [label] if isinstance(label, ast.Constant) else label.values
    choices = []
    for part in parts:
        if isinstance(part, ast.Constant):
            choices.append((part.value,))
        else:
            made_by = ast.unparse(part.value)
            assert made_by in _SAMPLES, f"say in _SAMPLES what {made_by} can be"
            choices.append(_SAMPLES[made_by])
    return ["".join(texts) for texts in itertools.product(*choices)]


def _labels_of_edits():
    kinds = {kind.__name__: kind for kind in _subclasses(Edit) if "perform" in vars(kind)}
    assert len(kinds) > 20
    for name, kind in kinds.items():
        if name != "Batch":  # which has the label of whoever makes it
            yield from _labels_of(kind.perform)


def _labels_of_batches():
    for file in PLUGIN.rglob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for function in ast.walk(tree):
            if not isinstance(function, ast.FunctionDef):
                continue
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "Batch":
                    for keyword in node.keywords:
                        yield from _value_of(keyword.value, function)


def _value_of(node, function):
    if not isinstance(node, ast.Name):
        yield node
        return
    for each in ast.walk(function):
        if isinstance(each, ast.Assign) and getattr(each.targets[0], "id", "") == node.id:
            yield each.value


@pytest.mark.parametrize("labels", [_labels_of_edits, _labels_of_batches])
def test_every_label_has_a_form_that_can_be_translated(monkeypatch, labels):
    monkeypatch.setattr(language, "_language", language.PSEUDO)
    found = [text for label in labels() for text in _filled_in(label)]
    assert len(found) > 9
    for text in found:
        shown = step_text(text)
        assert shown.startswith("⟦"), text
        assert shown.replace("⟦", "").replace("⟧", "") == text
        for part in {*_MANY, *_SCOPES, "1 frame", "5 frames", "the whole video"} - {"track 1"}:
            assert part not in shown or f"⟦{part}" in shown, shown


def test_every_tool_is_known():
    from napari_ifc.edit_layer import _WORDS

    assert {*_WORDS.values(), *(word for word, _ in SHAPES.values()), "Box", "Scribble"} == {*TOOLS}


_NOTE_SAMPLES = {
    "frame_index": ("7",),
    "name_of(track)": ("track 3", "track 3 (Tom)"),
    "len(rejected)": ("2",),
    "num_kept": ("1", "12"),
    "kept": ("3",),
    "len(between_ends) - len(wanted)": ("2",),
    "_count(len(frames))": ("1 frame", "5 frames"),
    "count": ("1", "12"),
    "frames": ("1 frame", "5 frames"),
    **dict.fromkeys(("mine", "theirs", "stays"), _MANY),
    **dict.fromkeys(("num_mine", "num_taken"), ("1", "12")),
    "num_left_out": ("1", "2"),
    "num_dropped": ("1", "2"),
    "where": ("1 frame", "12 frames"),
}


def test_every_note_of_an_edit_has_a_form_that_can_be_translated(monkeypatch):
    monkeypatch.setattr(language, "_language", language.PSEUDO)
    folder = Path(inspect.getfile(Edit)).parent
    calls = [
        node.args[0]
        for file in sorted(folder.glob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "tx.notes.append"
    ]
    assert len(calls) >= 6
    notes = []
    for call in calls:
        assert isinstance(call, ast.JoinedStr)
        parts = [
            (part.value,) if isinstance(part, ast.Constant) else _NOTE_SAMPLES[_made_by(part)]
            for part in call.values
        ]
        notes += ["".join(chosen) for chosen in itertools.product(*parts)]
    for note in notes:
        shown = note_text(note)
        assert shown.startswith("⟦"), note
        assert shown.replace("⟦", "").replace("⟧", "") == note
    both = note_text(f"{notes[0]} {notes[-1]}")
    assert both == f"{note_text(notes[0])} {note_text(notes[-1])}"
    assert note_text("Of a form that nobody knows.") == "Of a form that nobody knows."


def _made_by(part):
    return ast.unparse(part.value)
