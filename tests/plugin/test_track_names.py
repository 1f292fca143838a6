"""Tracks get names, and the names are seen wherever the tracks are."""

import numpy as np
import pytest
from fake_engine import SIZE, disc
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from ifc_core.io.letters import drawable
from ifc_core.structures import Track, TrackState
from napari_ifc.controllers.canvas import label_of
from napari_ifc.views.name_dialog import NameDialog
from napari_ifc.views.track_table import TrackTable
from napari_ifc.views.track_view import NAME

pytestmark = pytest.mark.window


@pytest.fixture
def desk(tidied_desk):
    return tidied_desk


@pytest.fixture
def two(desk):
    """Two tracks, of which the first is selected."""
    first = desk.corrected()
    desk.studio.select(())
    (second,) = desk.editor.commit_rle(disc(SIZE, (30, 45), 5), "Paint").tracks_added
    desk.studio.select((first,))
    return first, second


def name(desk, text):
    """Name the current track as a person does."""
    assert desk.studio.run_action("track.name")
    dialog = desk.studio.panel.findChildren(NameDialog)[-1]  # those before may linger
    dialog.field.setText(text)
    dialog.button.click()


def test_a_name_is_seen_in_list_lane_tip_picture_and_search_and_is_undone(desk, two):
    first, second = two
    table = desk.studio.panel.tracks
    assert table.view.isColumnHidden(NAME)
    bare = desk.picture.copy()
    name(desk, "  Zoë \t Quist ")
    desk.studio.presenter.lists()
    assert desk.studio.workspace.index.header(first).name == "Zoë Quist"
    assert not table.view.isColumnHidden(NAME)
    line = table.model.line_of(first)
    assert table.model.index(line, NAME).data() == "Zoë Quist"
    tip = table.model.index(line, 0).data(Qt.ItemDataRole.ToolTipRole)
    assert tip.splitlines()[0] == "Zoë Quist"
    lanes = {lane.track_id: lane for lane in desk.studio.timeline._data.lanes}
    assert (lanes[first].name, lanes[second].name) == ("Zoë Quist", "")
    assert lanes[first].detail.startswith("Zoë Quist, ")
    assert not np.array_equal(desk.picture, bare)
    table.filters.search.setText("zoë")
    assert table.listed() == (first,)
    table.filters.search.setText("")
    assert desk.project.history()[0].label == f"Rename track {first} to Zoë Quist"
    assert desk.studio.run_action("edit.undo")
    desk.studio.presenter.lists()
    assert table.view.isColumnHidden(NAME)
    assert np.array_equal(desk.picture, bare)


def test_the_same_name_again_is_no_step_and_an_empty_one_takes_it_away(desk, two):
    name(desk, "Zoë")
    steps = len(desk.project.history())
    name(desk, "Zoë")
    assert len(desk.project.history()) == steps
    name(desk, "")
    assert desk.studio.workspace.index.header(two[0]).name == ""
    assert len(desk.project.history()) == steps + 1


def test_it_needs_a_track_and_is_found_by_other_words(desk):
    assert not desk.studio.run_action("track.name")
    assert "Select a track" in desk.said
    found = [action.id for action in desk.studio.actions.search("rename track")]
    assert "track.name" in found
    assert desk.studio.actions.search("rename")[0].id == "track.name"
    assert "name" in desk.studio.panel.tracks.filters.search.placeholderText()
    assert desk.studio.actions["track.name"].shortcut == "F2"


def test_a_track_that_is_gone_when_its_name_comes_is_told_of(desk, two):
    assert desk.studio.run_action("track.name")
    dialog = desk.studio.panel.findChildren(NameDialog)[-1]  # those before may linger
    desk.editor.delete()
    dialog.field.setText("Zoë")
    dialog.button.click()
    assert desk.sentences


@pytest.mark.parametrize(
    ("called", "text"),
    [("", ""), ("17", ""), ("Zoë", "5: Zoë"), ("x" * 30, f"5: {'x' * 19}…")],
)
def test_a_label_has_the_name_unless_it_is_another_number(called, text):
    track = Track(5, 1, 1, 1.0, TrackState.CORRECTED, (1, 2, 3), name=called)
    assert label_of(track) == text


def test_letters_that_cannot_be_drawn_lose_their_accents_first():
    assert drawable("Müller\nŁ…", has_all_letters=True) == "Müller Ł…"
    assert drawable("Müller\nŁ中", has_all_letters=False) == "Muller ??"


def test_names_leave_the_class_in_sight(qtbot):
    from napari_ifc.rows import TrackRow

    table = TrackTable()
    qtbot.addWidget(table)
    table.resize(340, 300)
    table.show()
    rows = [
        TrackRow(
            i, (230, 159, 0), "person", 0.5, 120, 0, 119, "corrected", name=f"Player {i} of us"
        )
        for i in (1, 2)
    ]
    table.set_rows(rows, ())
    QApplication.processEvents()
    view, header = table.view, table.view.horizontalHeader()
    assert header.visualIndex(NAME) == 1
    assert header.sectionSize(1) >= view.fontMetrics().horizontalAdvance("person")
    assert sum(header.sectionSize(i) for i in range(7)) <= view.viewport().width()
    view.sortByColumn(NAME, Qt.SortOrder.DescendingOrder)
    assert table.listed() == (2, 1)
