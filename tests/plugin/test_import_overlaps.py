"""Imported tracks that show what was there are asked about."""

from __future__ import annotations

import pytest
from fake_engine import SIZE, disc
from qtpy.QtWidgets import QMessageBox

from ifc_core.structures import FrameState
from napari_ifc.features.imports import Imports

pytestmark = pytest.mark.window


@pytest.fixture
def desk(tidied_desk):
    return tidied_desk


@pytest.fixture
def written(desk, tmp_path):
    """A file of a track beside which another one was drawn since, a pixel to the right."""
    desk.studio.select(())
    desk.editor.commit_rle(disc(SIZE, (20, 25), 8), "Paint")
    path = tmp_path / "out.json"
    desk.studio.export_ytvis(path, everything=True)
    assert desk.studio.run_action("edit.undo")
    desk.studio.select(())
    desk.editor.commit_rle(disc(SIZE, (20, 26), 8), "Paint")
    return path


def import_and_answer(desk, path, qtbot, word):
    tasks = desk.studio.tasks
    desk.studio.feature(Imports).begin_import(path)
    qtbot.waitUntil(lambda: not tasks.is_running)
    assert desk.said == (
        "1 track covers one of the project with a mean IoU of 0.84: both are there now. "
        "Imported 1 track with 1 mask."
    )
    (box,) = [b for b in desk.studio.panel.findChildren(QMessageBox) if b.isVisible()]
    assert box.text().startswith("1 imported track shows what was there (mean IoU 0.")
    (button,) = [b for b in box.buttons() if b.text().replace("&", "") == word]
    button.click()
    qtbot.waitUntil(lambda: not tasks.is_running)


def seen(desk):
    """Masks and states of the frame that is shown."""
    records = desk.project.masks_at(desk.video_id, desk.editor.frame_index)
    return [(record.rle, record.state) for record in records]


OURS, THEIRS = disc(SIZE, (20, 26), 8), disc(SIZE, (20, 25), 8)


@pytest.mark.parametrize(
    ("word", "masks"),
    [
        ("Keep both", [OURS, THEIRS]),
        ("Those that were there", [OURS]),
        ("The imported ones", [THEIRS]),
        ("As proposals", [OURS, THEIRS]),
    ],
)
def test_the_answer_settles_which_masks_count(desk, written, qtbot, word, masks):
    import_and_answer(desk, written, qtbot, word)
    assert [mask for mask, _ in seen(desk)] == masks
    is_proposed = seen(desk)[-1][1] is FrameState.PROPOSED
    assert is_proposed == (word == "As proposals")
    assert desk.said.startswith("Nothing was imported") == (THEIRS not in masks)
    if THEIRS in masks:
        assert desk.studio.run_action("edit.undo")
        assert [mask for mask, _ in seen(desk)] == [OURS]
    else:  # nothing came in that could be undone; the way back is said
        redo = desk.studio.actions["edit.redo"]
        assert desk.said == (
            "Nothing was imported, what was there stays; "
            f"Redo ({redo.shortcut}) keeps both after all."
        )
        assert desk.studio.run_action("edit.redo")
        assert [mask for mask, _ in seen(desk)] == [OURS, THEIRS]


def test_what_was_done_since_is_not_undone(desk, written, qtbot):
    tasks = desk.studio.tasks
    imports = desk.studio.feature(Imports)
    imports.begin_import(written)
    qtbot.waitUntil(lambda: not tasks.is_running)
    (box,) = [b for b in desk.studio.panel.findChildren(QMessageBox) if b.isVisible()]
    desk.studio.select(())
    desk.editor.commit_rle(disc(SIZE, (10, 50), 4), "Paint")
    (button,) = [b for b in box.buttons() if b.text().replace("&", "") == "As proposals"]
    button.click()
    assert not tasks.is_running
    assert desk.said == "Something was done since the import, so both are kept."
    assert len(seen(desk)) == 3


def test_nothing_is_asked_where_nothing_covers(desk, written, qtbot):
    assert desk.studio.run_action("edit.undo")
    desk.studio.feature(Imports).begin_import(written)
    qtbot.waitUntil(lambda: not desk.studio.tasks.is_running)
    assert desk.studio.panel.findChildren(QMessageBox) == []
