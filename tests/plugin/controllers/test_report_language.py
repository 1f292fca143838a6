"""Notes of imports and exports come from the core in English and are shown in any language."""

from __future__ import annotations

import ast
import inspect
import re
from types import SimpleNamespace

import pytest

from ifc_core.annotation import (
    export_notes,
    export_writing,
    frame_images,
    frame_names,
    import_notes,
    measurement_export,
)
from ifc_core.annotation.covered_tracks import Overlaps
from ifc_core.annotation.exporting import ExportReport
from ifc_core.annotation.file_frames import FrameRule
from ifc_core.annotation.file_video_words import guess_note
from ifc_core.annotation.file_videos import FileVideo
from ifc_core.annotation.import_notes import VideoMasks
from ifc_core.annotation.importing import ImportReport
from ifc_core.annotation.splitting import TRAIN, VALID, Parts
from ifc_core.evaluation import project_quality, proposals
from ifc_core.io.ctc_text import Line, disagreement
from ifc_core.io.cvat import gaps_note
from ifc_core.io.drawn_shapes import unmasked_notes
from ifc_core.io.label_stacks import numbered_anew_note
from ifc_core.io.ytvis_types import YtvisHeader, YtvisVideo
from ifc_core.structures import Category
from napari_ifc import language
from napari_ifc.controllers.export_words import report_text
from napari_ifc.controllers.quality import quality_notes
from napari_ifc.controllers.session import import_sentences
from napari_ifc.core_words import QUALITY, REPORTS
from napari_ifc.journal_text import report_note_text

_SHOWN = ("a, b.c", "v1, v2, v3, v4, v5 and more")
_VIDEOS = [YtvisVideo(number, 4, 4, 1, (f"v{number}/0.jpg",)) for number in range(8)]
_ENTRY = SimpleNamespace(name="b", num_frames=9)
_PLACES = {video.id: FileVideo(video.id, (0,), True) for video in _VIDEOS}


def notes_on(count, masks=40):
    """What an import says of so many videos that were not found, with so many masks each."""
    videos = _VIDEOS[:count]
    believed = import_notes.Belief(is_complete=True)
    return import_notes.video_notes(videos, _PLACES, {v.name: masks for v in videos}, believed)


class _Linked:
    """A project whose tracks descend each from one of its own number."""

    def track(self, number):
        return SimpleNamespace(parent_id=number + 10)


def numbered():
    """What is said where numbers alone say which frames are meant."""
    for rule in (FrameRule.PICTURES, FrameRule.FROM_0, FrameRule.FROM_1):
        place = FileVideo(1, (0,), False, rule=rule)
        yield from import_notes._number_notes(_VIDEOS[:1], {_VIDEOS[0].id: place})


def unnamed(*names):
    """What is said where a file that is believed complete lacks classes of the project."""
    header = YtvisHeader(tuple(_VIDEOS[:1]), ())
    there = [Category(number, name) for number, name in enumerate(names, 1)]
    return import_notes.unnamed_note(header, there, import_notes.Belief(is_complete=True))[0]


_NAMES = (["01"], list("abcdefg"))
_MADE = (
    *(note for count in (1, 2, 8) for note in notes_on(count)),
    *(notes_on(count, masks)[0] for count, masks in ((1, 0), (1, 1), (2, 0))),
    import_notes._missing_note({"a": 1, "b": 0}),
    unnamed("sea cow"),
    unnamed(*"abcdefg"),
    *(import_notes.twice_note(count)[0] for count in (1, 3)),
    *(
        import_notes._truth_note(names, is_complete)
        for names in _NAMES
        for is_complete in (True, False)
    ),
    *(import_notes.linked_note(_Linked(), tracks)[0] for tracks in ((1,), (1, 1), (1, 2))),
    *numbered(),
    *(
        import_notes.covered_note(ious, overlaps, 0)[0]
        for ious in ([0.7], [0.7, 0.9])
        for overlaps in Overlaps
    ),
    *(import_notes.covered_note([0.7], Overlaps.BOTH, count)[1] for count in (1, 1200)),
    *import_notes.by_id_note([VideoMasks("a", 3), VideoMasks("b", 0)]),
    *disagreement("01", [Line(1, 0, 3, 0)], {2: (0, 1)}),
    numbered_anew_note("01"),
    *(note for count in (1, 1200) for note in unmasked_notes(count, {"point": 2, "line": 1})),
    *(gaps_note(count) for count in (1, 1200)),
    *export_writing._task_note(YtvisHeader(tuple(_VIDEOS[:2]))),
    *(guess_note("a", _VIDEOS[0], _ENTRY, by_names) for by_names in (True, False)),
    *(export_notes.hidden_note(count)[0] for count in (1, 1200)),
    *(export_notes.cut_note(count)[0] for count in (1, 3)),
    *(export_notes.renamed_note(count)[0] for count in (1, 3)),
    *(
        export_notes._incomplete_note(
            [SimpleNamespace(incomplete=range(count))], tells=tells, is_learnt_from=learnt
        )[0]
        for count in (1, 3)
        for tells, learnt in ((True, False), (False, False), (False, True))
    ),
    *export_notes.yolo_notes(has_pictures=False, is_split=False),
    *(measurement_export._missing_note(names)[0] for names in (["a"], list("abcdefg"))),
    *(measurement_export._unread_note(count)[0] for count in (1, 30)),
    *Parts((1, 2), (3, 4, 5), wished=1, better_seed=4).notes(),
    *(note for moved_to in (TRAIN, VALID) for note in Parts((1,), (2,), "a b", moved_to).notes()),
)


@pytest.fixture(autouse=True)
def pseudo(monkeypatch):
    monkeypatch.setattr(language, "_language", language.PSEUDO)


def sentences(function):
    """What the strings of a function look like, what is filled in left open; long ones alone."""
    for node in ast.walk(ast.parse(inspect.cleandoc("\n" + inspect.getsource(function)))):
        if isinstance(node, ast.JoinedStr):
            parts = [p.value if isinstance(p, ast.Constant) else "\0" for p in node.values]
            yield "".join(map(str, parts))


def open_form(template):
    """A template with its values left open."""
    return re.sub(r"\{\w+\}", "\0", template)


@pytest.mark.parametrize("note", _MADE)
def test_a_note_is_shown_in_the_language_of_the_window(note):
    assert report_note_text(note).startswith("⟦")


@pytest.mark.parametrize("names", _SHOWN)
def test_names_in_a_note_are_left_alone_and_the_words_around_them_are_not(names):
    note = f"1 video has nothing to export in this scope: {names}."
    assert report_note_text(note).startswith("⟦1 video has")
    note = f"3 videos have nothing to export in this scope: {names}."
    listed = names if names == _SHOWN[0] else f"⟦{names}⟧"
    assert report_note_text(note) == f"⟦3 videos have nothing to export in this scope: {listed}.⟧"
    assert report_note_text("Something else.") == "Something else."


def test_every_note_of_the_core_is_known(tmp_path):
    """Each sentence that the core makes fits a template, its own words alone counting."""
    known = {open_form(template) for template in REPORTS}
    spelled = (export_notes.hidden_note, import_notes.by_id_note, frame_images._write_video)
    made = {text for function in spelled for text in sentences(function) if text.endswith(".")}
    assert len(made) == len(spelled)
    assert made <= known


class _Names(frame_names.FrameNames):
    """Names of frames whose folders were not found."""

    def __init__(self, names):
        self._not_found = names


def test_folders_that_were_not_found_are_told_of(tmp_path):
    for names in (["a"], ["a", "b"], list("abcdefg")):
        (note,) = _Names(names).notes()
        assert report_note_text(note).startswith("⟦The folder")


def test_reports_show_them(tmp_path):
    said = report_text(ExportReport(tmp_path / "out.json", notes=_MADE))
    assert all(line.startswith("⟦") for line in said.splitlines())
    told = import_sentences(ImportReport(notes=_MADE))
    assert all(text.startswith("⟦") for text in told)


def told_of_imports():
    """What is said of imports that are judged."""
    files = SimpleNamespace(passed_over=("b.json",), file="a.json", may_lack=True, covered=None)
    for count in (1, 12):
        yield from proposals._import_notes(files, "clip 1", count, is_part=True)


@pytest.mark.parametrize(
    ("models", "files", "told"),
    [
        ([""], [], "proposals of ⟦the bundled model⟧;"),
        (["mice", "eels"], [], "proposals of mice, eels;"),
        ([], ["a.json", "b.json"], "proposals imported from a.json, b.json;"),
        (["", "mice"], ["a.json"], "and imported from a.json;"),
    ],
)
def test_frames_without_proposals_are_told_of_in_any_language(models, files, told):
    source = project_quality._source_of(models, files)
    notes = (
        f"1 approved frame is not in {source}; it is left out.",
        f"12 approved frames are not in {source}; they are left out.",
        "1 approved frame is not in found.json; it is left out.",
        "12 approved frames are not in found.json; they are left out.",
    )
    shown = quality_notes(SimpleNamespace(notes=notes))
    assert all(text.startswith("⟦") for text in shown)
    assert told in shown[0]
    assert told in shown[1]


def test_notes_on_the_quality_of_proposals_are_shown_in_any_language():
    shown = quality_notes(SimpleNamespace(notes=tuple(told_of_imports())))
    assert len(shown) == 8
    assert all(text.startswith("⟦") for text in shown)
    made = {
        text
        for function in (project_quality.project_quality, project_quality._figures)
        for text in sentences(function)
        if text.endswith(("left out.", "reached."))
    }
    known = {open_form(template) for template in QUALITY}
    assert len(made) == 3
    assert {text for text in made if not text.startswith("\0 not in")} <= known
    assert "The model knows none of the project's classes, so classes are not compared." in QUALITY
