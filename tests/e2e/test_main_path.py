"""The job the program is for, through the real window, engine and training processes."""

from __future__ import annotations

import json

import numpy as np
import pytest
from killed_window import go_to, paint, paint_and_kill
from pycocotools import mask as coco_mask

from ifc_core.annotation import Project, Scope, edits
from ifc_core.structures import FrameState, MaskSource

pytestmark = [pytest.mark.window, pytest.mark.timeout(600)]

LONG_MS = 240_000


def screen_masks(project: Project, video_id: int, frame: int) -> dict[int, np.ndarray]:
    """What the window draws on a frame, by track."""
    return {
        record.track_id: record.rle.to_array()
        for record in project.masks_at(video_id, frame)
        if record.rle is not None
    }


def propose(window, settings, qtbot) -> None:
    with qtbot.waitSignal(window.studio.run_finished, timeout=LONG_MS) as ended:
        assert window.studio.propose(settings)
    assert ended.args == ["succeeded"]


def test_from_a_video_to_a_better_model(window, clip, settings, toy_model, qtbot, tmp_path):
    studio = window.studio
    failures: list[str] = []
    studio.failed.connect(failures.append)

    # Open: the start page makes room, the clip is remembered.
    assert window.start_page.isVisible()
    assert window.open_path(clip)
    assert not window.start_page.isVisible()
    assert [item.name for item in window.recent.items()] == ["square.mp4"]
    project, video_id = studio.project, studio.workspace.session.entry.id

    # Propose: provisional first, then one edit.
    propose(window, settings, qtbot)
    tracks = project.tracks(video_id)
    assert tracks
    assert project.history()[0].kind == "AcceptRun"
    table = studio.panel.tracks.model
    assert table.rowCount() == len(tracks)

    # A click in the table selects and jumps to where the track is.
    go_to(window, 0)
    studio.select((tracks[0].id,))
    studio.jump_to_track(tracks[0].id)
    frame = studio.layers.frame_index
    go_to(window, frame)
    assert project.mask(tracks[0].id, frame) is not None

    # Correct: a stroke is in the database when it is seen.
    before = screen_masks(project, video_id, frame)
    free_row, free_column = np.argwhere(~before[tracks[0].id])[0]
    paint(window, free_row, free_column)
    record = project.mask(tracks[0].id, frame)
    assert record.source is MaskSource.HUMAN
    assert record.rle.to_array()[free_row, free_column]
    with Project.open(project.folder, read_only=True) as other:
        assert other.mask(tracks[0].id, frame).rle == record.rle

    # One history over strokes and track operations.
    studio.select((tracks[0].id,))
    go_to(window, frame + 1)
    if not studio.workspace.editor.why_not_split():
        assert studio.run_action("track.split")
        assert studio.run_action("edit.undo")
    go_to(window, frame)
    studio.relabel("square")
    assert studio.run_action("edit.undo")
    assert studio.run_action("edit.undo")
    after = screen_masks(project, video_id, frame)
    assert before.keys() == after.keys()
    assert all((before[i] == after[i]).all() for i in before)
    assert studio.run_action("edit.redo")
    assert project.mask(tracks[0].id, frame).rle == record.rle

    # Export: pycocotools decodes exactly what is on screen; importing it again loses nothing.
    target = tmp_path / "square.json"
    studio.export_ytvis(target, everything=True)
    data = json.loads(target.read_text())
    assert len(data["annotations"]) == len(tracks)
    for index in range(12):
        shown = screen_masks(project, video_id, index).values()
        written = [
            coco_mask.decode(annotation["segmentations"][index]).astype(bool)
            for annotation in data["annotations"]
            if annotation["segmentations"][index] is not None
        ]
        assert sorted(m.tobytes() for m in shown) == sorted(m.tobytes() for m in written)
    assert not failures


def test_a_killed_window_loses_no_stroke(clip, tmp_path):
    paint_and_kill(clip, tmp_path / "home", [(0, row, 50) for row in (20, 30, 40)])
    with Project.open(clip.with_suffix(".ifcproj")) as project:
        assert not project.read_only
        assert f"all {project.num_edits()} edits" in project.notice
        assert "the last one made on" in project.notice
        (entry,) = project.videos()
        (track,) = project.tracks(entry.id)
        mask = project.mask(track.id, 0).rle.to_array()
        assert mask[[20, 30, 40], 50].all()
        assert project.undo() is not None
        assert not project.mask(track.id, 0).rle.to_array()[40, 50]


@pytest.mark.slow
def test_attention_and_fine_tuning(window, clip, settings, toy_model, qtbot, monkeypatch):
    studio = window.studio
    assert window.open_path(clip)
    project, video_id = studio.project, studio.workspace.session.entry.id
    monkeypatch.setattr(studio.panel.propose, "settings", lambda: settings)

    # A person outlines the square on six frames and approves them.
    go_to(window, 0)
    paint(window, 32, 12)
    (track,) = project.tracks(video_id)
    for frame in (0, 2, 4, 6, 8, 10):
        mask = np.zeros((64, 96), np.uint8)
        mask[20:44, 4 * frame : 4 * frame + 24] = 1
        go_to(window, frame)
        studio.workspace.editor.commit_mask(mask, "Polygon")
        studio.workspace.editor.apply(edits.ApproveFrames(video_id, Scope.this_frame(frame)))
    assert project.mask(track.id, 4).state is FrameState.APPROVED

    # What a memory token looks at, over the frame.
    go_to(window, 4)
    studio.panel.show_page("attention")
    controller = studio.attention.controller
    qtbot.waitUntil(lambda: controller.view.heat is not None, timeout=LONG_MS)
    assert "Attention" in [layer.name for layer in window.viewer.layers]
    assert controller.view.ranking, "the tokens are ranked by the selected track's mask"
    rows = controller.found.attention
    np.testing.assert_allclose(rows.encode_receive[0].sum(-1), 1, atol=1e-4)

    # Fine-tune in a second process; the version is entered and Propose offers it.
    project.add_model("toy", toy_model, activate=True)
    studio.panel.show_page("finetune")
    qtbot.waitUntil(studio.trainer.page.start_button.isEnabled, timeout=LONG_MS)
    with qtbot.waitSignal(studio.finetune_finished, timeout=2 * LONG_MS) as ended:
        studio.trainer.controller.start("quick", minutes=0.01, device="cpu")
    assert ended.args == ["succeeded"]
    assert len(studio.trainer.controller.view.losses) >= 30
    made = next(model for model in project.models() if model.name != "toy")
    assert made.parent == "toy"
    studio.trainer.controller.use(made.name)
    offered = studio.panel.propose
    assert made.name in [offered._model.itemText(i) for i in range(offered._model.count())]

    # The new version proposes.
    from dataclasses import replace

    propose(window, replace(settings, model=made.path), qtbot)

    # One click rolls back to the version before.
    studio.trainer.page.roll_back_requested.emit()
    assert project.active_model().name == "toy"
