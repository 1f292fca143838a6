"""Divisions in a real window: keys, the table, the timeline."""

import pytest
from fake_engine import SIZE, disc

from ifc_core.annotation import edits
from ifc_core.annotation.track_colors import lineage_colors
from ifc_core.config import read_settings
from ifc_core.structures.palette import NO_FAMILY
from napari_ifc.views.track_view import PARENT


@pytest.fixture
def desk(tidied_desk):
    return tidied_desk


def family(desk):
    """A mother on frames 0 to 2 and two tracks that begin on frame 3."""
    made = []
    for first, last, place in ((0, 2, 20), (3, 5, 14), (3, 5, 34)):
        desk.studio.select(())
        desk.studio.layers.go_to(first)
        result = desk.editor.commit_rle(disc(SIZE, (20, place), 5), "Paint")
        (track_id,) = result.tracks_added
        desk.editor.apply(edits.ExtendTrack(track_id, last))
        made.append(track_id)
    return made


def test_a_division_is_linked_shown_in_the_table_and_undone(desk):
    mother, left, right = family(desk)
    studio, view = desk.studio, desk.studio.panel.tracks.view
    assert view.isColumnHidden(PARENT)
    studio.select((left, right, mother))
    studio.run_action("lineage.divide")
    assert desk.said == f"Track {mother} divides into {left} and {right}."
    assert not view.isColumnHidden(PARENT)
    model = studio.panel.tracks.model
    shown = {model.row_at(n).track_id: model.index(n, PARENT).data() for n in range(3)}
    assert shown == {mother: "", left: str(mother), right: str(mother)}
    studio.select((right,))
    studio.run_action("lineage.select")
    assert set(desk.editor.selected) == {mother, left, right}
    studio.run_action("edit.undo")
    assert view.isColumnHidden(PARENT)


def test_what_is_no_division_is_said_in_place_of_an_edit(desk):
    mother, *_ = family(desk)
    studio = desk.studio
    studio.select((mother,))
    steps = len(desk.project.history())
    studio.run_action("lineage.divide")
    assert "two or more tracks" in desk.said
    assert len(desk.project.history()) == steps


def test_a_daughter_that_is_split_off_is_selected_everywhere(desk):
    desk.studio.layers.go_to(0)
    (mother,) = desk.editor.commit_rle(disc(SIZE, (20, 20), 5), "Paint").tracks_added
    desk.editor.apply(edits.ExtendTrack(mother, 5))
    desk.studio.select(())
    desk.studio.layers.go_to(3)
    (other,) = desk.editor.commit_rle(disc(SIZE, (20, 40), 5), "Paint").tracks_added
    desk.studio.select((mother, other))
    desk.studio.run_action("lineage.divide")
    (new,) = {track.id for track in desk.project.tracks(1)} - {mother, other}
    assert set(desk.studio.panel.tracks.selected()) == {mother, other, new}
    assert f"{new} is what followed of it." in desk.said


def test_a_mother_is_found_by_words_in_the_list(desk):
    mother, left, right = family(desk)
    desk.studio.select((mother, left, right))
    desk.studio.run_action("lineage.divide")
    table = desk.studio.panel.tracks
    table.filters.search.setText(f"from {mother}")
    assert set(table.listed()) == {left, right}


def test_masks_lanes_and_list_have_the_colours_of_lineages(desk):
    mother, left, right = family(desk)
    desk.studio.select(())
    alone = desk.editor.commit_rle(disc(SIZE, (40, 50), 4), "Paint").tracks_added[0]
    studio = desk.studio
    own = {t.id: t.color_rgb for t in desk.project.tracks(1)}

    def seen():
        studio.presenter.lists()
        lanes = {lane.track_id: lane.color_rgb for lane in studio.timeline._data.lanes}
        assert lanes == {row.track_id: row.color_rgb for row in studio.panel.tracks.model._rows}
        drawn = {i: studio.workspace.color_of(i) for i in lanes}
        assert lanes == drawn
        return lanes

    assert not studio.run_action("view.by_lineage")
    assert "link a division first" in desk.said
    studio.select((mother, left, right))
    assert studio.run_action("lineage.divide")
    assert seen() == own
    assert studio.run_action("view.by_lineage")
    expected = lineage_colors(desk.project.tracks(1))
    assert seen() == expected
    assert expected[alone] == NO_FAMILY
    studio.layers.go_to(4)
    studio.select((alone,))
    scale = desk.picture.shape[1] / SIZE[1]
    for track_id, place in ((left, 14), (right, 34)):
        pixel = desk.picture[round(20 * scale), round((place + 3) * scale), :3]
        assert tuple(pixel.tolist()) == expected[track_id]
    assert studio.run_action("view.by_class")  # one at a time
    assert not studio.actions["view.by_lineage"].checked()
    assert studio.actions["view.by_class"].checked()
    assert len(set(seen().values())) == 1
    assert studio.run_action("view.by_lineage")
    assert seen() == expected
    assert read_settings().color_by == "lineage"  # and in the next window
    studio.select((left,))
    assert studio.run_action("lineage.unlink")  # at once, in all places
    assert seen() == lineage_colors(desk.project.tracks(1)) != expected
    studio.run_action("edit.undo")
    assert seen() == expected
    assert studio.run_action("view.by_lineage")
    assert seen() == own


def test_colours_by_lineage_stay_chosen_where_nothing_is_linked(desk):
    mother, left, right = family(desk)
    studio = desk.studio
    own = {t.id: t.color_rgb for t in desk.project.tracks(1)}
    studio.select((mother, left, right))
    studio.run_action("lineage.divide")
    studio.run_action("view.by_lineage")
    studio.run_action("edit.undo")
    assert {i: studio.workspace.color_of(i) for i in own} == own
    assert studio.run_action("view.by_lineage")  # can be switched off, but not on again
    assert not studio.run_action("view.by_lineage")


def test_a_division_has_a_button_and_the_lists_menu_offers_each_action_once(desk):
    mother, left, right = family(desk)
    table = desk.studio.panel.tracks
    button = table._buttons["lineage.divide"]
    desk.studio.select((mother,))
    assert not button.isEnabled()
    assert "two or more tracks" in button.toolTip()
    desk.studio.select((mother, left, right))
    menu = table.menu_for()
    texts = [entry.text() for entry in menu.actions() if not entry.isSeparator()]
    menu.deleteLater()
    assert len(set(texts)) == len(texts)
    assert texts[-4] == "Link as a division\tShift+M"
    button.click()
    assert {t.parent_id for t in desk.project.tracks(1)} == {None, mother}
