"""Correct one frame, fix the whole track: through the real window and engine, without a model."""

from __future__ import annotations

import numpy as np
import pytest
from killed_window import go_to

from ifc_core.structures import RLEMask
from napari_ifc.features.correction import Correction

pytestmark = [pytest.mark.window, pytest.mark.timeout(600)]

LONG_MS = 240_000


def square(frame: int) -> np.ndarray:
    """The bright square of the clip."""
    mask = np.zeros((64, 96), bool)
    mask[20:44, 4 * frame : 4 * frame + 24] = True
    return mask


def iou(first: np.ndarray, second: np.ndarray) -> float:
    return float((first & second).sum() / (first | second).sum())


@pytest.mark.slow
def test_correct_once_propagate_cancel_and_undo(window, clip, qtbot):
    studio = window.studio
    failures: list[str] = []
    studio.failed.connect(failures.append)
    assert window.open_path(clip)
    project, editor = studio.project, studio.workspace.editor
    correction = studio.feature(Correction)

    # A box around the square gives its mask: the first correction.
    go_to(window, 5)
    with qtbot.waitSignal(correction.signals.answered, timeout=LONG_MS) as answered:
        correction.questions.ask_box({"video": str(clip)}, (17.0, 16.0, 48.0, 48.0))
    assert answered.args == [True]
    track = editor.current
    assert iou(project.mask(track, 5).rle.to_array(), square(5)) > 0.85

    # A cancelled propagation is as if it had never been.
    steps = len(project.history())
    correction.strip.choose("both", "light")
    with qtbot.waitSignal(correction.signals.spread_finished, timeout=LONG_MS) as ended:
        assert studio.run_action("correct.propagate")
        assert studio.run_action("correct.cancel")
    assert ended.args == ["cancelled"]
    assert [f.frame_index for f in project.track_frames(track)] == [5]
    assert len(project.history()) == steps
    assert [run.kind for run in project.runs()] == ["propagate box"]

    # A finished one is one step and follows the square; the corrected frame stays as it was.
    corrected = project.mask(track, 5)
    with qtbot.waitSignal(correction.signals.spread_finished, timeout=LONG_MS) as ended:
        assert studio.run_action("correct.propagate")
    assert ended.args == ["succeeded"]
    assert len(project.history()) == steps + 1
    assert project.mask(track, 5) == corrected
    for frame in (2, 8):
        assert iou(project.mask(track, frame).rle.to_array(), square(frame)) > 0.7
    doubts = [f.uncertainty for f in project.track_frames(track) if f.frame_index != 5]
    assert all(doubt is not None and 0.0 <= doubt <= 1.0 for doubt in doubts)

    # A stroke beside the object takes part of the mask away again, on this frame alone.
    go_to(window, 8)
    before = project.mask(track, 8).rle
    with qtbot.waitSignal(correction.signals.answered, timeout=LONG_MS):
        correction.questions.ask_scribble(
            {"video": str(clip)}, [(33.0, 22.0), (55.0, 22.0)], 2.0, positive=False
        )
    assert project.mask(track, 8).rle != before

    # One history: the stroke, then the propagation.
    assert studio.run_action("edit.undo")
    assert project.mask(track, 8).rle == before
    assert studio.run_action("edit.undo")
    assert [f.frame_index for f in project.track_frames(track)] == [5]
    assert isinstance(project.mask(track, 5).rle, RLEMask)
    assert not failures
