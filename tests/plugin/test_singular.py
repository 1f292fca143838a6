"""One of something is told as one."""

from __future__ import annotations

import time

import pytest

from ifc_core.annotation import ModelVersion
from ifc_core.annotation.importing import ImportReport
from napari_ifc.controllers.session import import_sentences
from napari_ifc.finetune_state import Outcome
from napari_ifc.rows import VideoRow
from napari_ifc.views.finetune_page import outcome_rows, provenance_text


def report(tracks, masks):
    return ImportReport(tracks=tracks, masks=masks)


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (import_sentences(report(1, 1))[-1], "Imported 1 track with 1 mask."),
        (import_sentences(report(2, 30))[-1], "Imported 2 tracks with 30 masks."),
        (VideoRow(1, "clip", 1, 1).facts, "1 frame · 1 track"),
        (VideoRow(1, "clip", 2, 3).facts, "2 frames · 3 tracks"),
    ],
)
def test_counts_agree_with_their_words(told, text):
    assert told == text


def test_where_a_version_comes_from():
    trained_on = {"trained_on": {"one": [4], "two": [4, 5], "row": [[0, 45, 5], 47]}}
    version = ModelVersion(1, "v1", "v1", "", "base", time.time(), trained_on, {}, active=False)
    assert provenance_text(version).splitlines()[1:] == [
        "one: 1 frame",
        "two: 2 frames",
        "row: 11 frames",
    ]


def test_a_version_judged_by_one_mask():
    outcome = Outcome("v1", "base", "not enough to judge", 0.5, 0.6, 1, None, (), 9.0)
    assert outcome_rows(outcome)[0][0] == "Mean J on 1 held-out mask"


@pytest.mark.window
def test_a_run_over_one_frame(desk, tmp_path, clip):
    form = desk.studio.panel.propose
    form._step.setValue(10)
    assert form.button.text() == "Propose 1 frame"
    form._step.setValue(1)
    still = tmp_path / "still"
    still.mkdir()
    sorted(clip.iterdir())[0].rename(still / "0.png")
    assert desk.studio.open_path(still)
    assert form.button.text() == "Propose 1 frame"
    assert desk.studio.workspace.summary().facts == "64 × 48 · 1 frame"  # of no known rate
