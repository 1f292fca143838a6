"""Divisions from the window: which of the selected tracks is the mother."""

import pytest
from fake_engine import SIZE, disc

from ifc_core.annotation import Scope, edits
from ifc_core.structures import Category, Track, TrackState
from napari_ifc.controllers.editing import EditController
from napari_ifc.controllers.kinship import Kinship
from napari_ifc.controllers.lineage import LineageOps
from napari_ifc.controllers.tracks import TrackIndex


def track(track_id, parent_id=None):
    return Track(track_id, 1, 1, 1.0, TrackState.CORRECTED, (1, 2, 3), parent_id=parent_id)


class TestKinship:
    tree = Kinship([track(1), track(2), track(3, 1), track(4, 3), track(5, 1), track(6, 9)])

    def test_parents_and_daughters(self):
        assert self.tree.parent(3) == 1
        assert self.tree.parent(1) is None
        assert self.tree.parent(6) is None  # of a track that is not shown
        assert self.tree.daughters(1) == (3, 5)
        assert self.tree.ancestors(4) == (3, 1)

    def test_who_has_a_mother_or_a_daughter_is_linked(self):
        assert [i for i in range(1, 8) if self.tree.is_linked(i)] == [1, 3, 4, 5]

    def test_daughters_are_listed_right_below_their_mothers(self):
        assert self.tree.in_order() == (1, 3, 4, 5, 2, 6)
        assert Kinship([track(1, 2), track(2)]).in_order() == (2, 1)
        assert Kinship([track(n) for n in (4, 2, 9)]).in_order() == (4, 2, 9)

    def test_a_family_is_the_same_from_each_of_its_tracks(self):
        assert {self.tree.family(i) for i in (1, 3, 4, 5)} == {(1, 3, 4, 5)}
        assert self.tree.family(2) == (2,)

    def test_what_changed_is_both_ends_of_a_link(self):
        after = Kinship([track(1), track(2), track(3, 1), track(4, 2), track(5, 1), track(6, 9)])
        assert after.changed(self.tree) == {2, 3, 4}
        assert after.changed(after) == set()
        assert self.tree.changed(Kinship()) == {1, 3, 4, 5}

    def test_a_ring_in_a_damaged_file_hangs_nothing_and_hides_no_track(self):
        ring = Kinship([track(1, 2), track(2, 1), track(3)])
        assert set(ring.in_order()) == {1, 2, 3}
        assert set(ring.family(1)) == {1, 2}


class Hands:
    def __init__(self, session):
        self.project = session.project
        self.told = []
        self.index = TrackIndex(session.project, session.entry.id)
        self.editor = EditController(
            session.project, session.entry, self.index, self.told.append, lambda: 0.0
        )
        self.ops = LineageOps(self.index, self.editor)
        self.editor.apply(edits.SetCategory(Category(1, "cell")))

    def track(self, first, last, place=20):
        result = self.editor.apply(edits.NewTrack(1, 1, first, disc(SIZE, (20, place), 5)))
        (track_id,) = result.tracks_added
        if last > first:
            self.editor.apply(edits.ExtendTrack(track_id, last))
        return track_id

    @property
    def parents(self):
        return {t.id: t.parent_id for t in self.project.tracks(1) if t.parent_id is not None}


@pytest.fixture
def hands(session):
    return Hands(session)


def test_the_track_that_begins_first_is_the_mother_in_whatever_order_they_are_selected(hands):
    mother, left, right = hands.track(0, 2), hands.track(3, 5), hands.track(3, 4)
    hands.editor.select((right, mother, left))
    assert hands.ops.why_not_divide() == ""
    assert hands.ops.divide() == "Track 1 divides into 2 and 3."
    assert hands.parents == {left: mother, right: mother}
    assert hands.editor.selected == (mother, left, right)
    rows = {row.track_id: (row.parent_id, row.daughter_ids) for row in hands.index.rows()}
    assert rows == {1: (None, (2, 3)), 2: (1, ()), 3: (1, ())}


def test_a_mother_whose_number_one_daughter_kept_is_split(hands):
    mother, other = hands.track(0, 5), hands.track(3, 5, place=40)
    hands.editor.select((mother, other))
    assert hands.ops.divide() == (
        "Track 1 ends before frame 3 and divides into 2 and 3; 3 is what followed of it."
    )
    assert hands.parents == {2: 1, 3: 1}
    assert hands.editor.selected == (1, 2, 3)
    hands.editor.undo()
    assert hands.parents == {}
    assert hands.index.masked_frames(1) == [0, 1, 2, 3, 4, 5]


def test_a_mother_that_is_there_beside_two_daughters_is_not_guessed_about(hands):
    hands.editor.select((hands.track(0, 3), hands.track(3, 5), hands.track(3, 5)))
    assert hands.ops.why_not_divide() == (
        "Track 1 is still there on frame 3, where its daughters begin: end it before, select one "
        "daughter alone (it is split there), or link buds."
    )
    assert hands.ops.why_not_bud() == ""


def test_a_bud_leaves_its_mother_as_she_is(hands):
    mother, bud, second = hands.track(0, 5), hands.track(2, 5), hands.track(4, 5)
    hands.editor.select((bud, mother))
    assert hands.ops.bud() == "Track 2 is a bud of track 1, which goes on."
    hands.editor.select((mother, second, bud))
    assert hands.ops.bud() == "Tracks 2 and 3 are buds of track 1, which goes on."
    assert hands.parents == {bud: mother, second: mother}
    assert hands.index.masked_frames(mother) == [0, 1, 2, 3, 4, 5]


def test_a_mother_that_has_ended_buds_nothing(hands):
    hands.editor.select((hands.track(0, 2), hands.track(3, 5)))
    assert hands.ops.why_not_bud() == "Track 1 ends before frame 3: link it as a division."


def test_what_is_linked_already_or_to_another_one_is_said(hands):
    first, second, daughter = hands.track(0, 2), hands.track(1, 5), hands.track(3, 5)
    hands.editor.select((first, daughter))
    hands.ops.divide()
    hands.editor.select((first, daughter))
    assert hands.ops.why_not_divide() == "3 came from track 1 already."
    hands.editor.select((second, daughter))
    assert hands.ops.bud() == (
        "Track 3 is a bud of track 2, which goes on. Track 3 came from track 1 before."
    )
    assert hands.editor.history()[0].text == "Bud track 3 off track 2"


def test_links_go_with_the_daughter_or_with_the_mother_that_is_selected(hands):
    mother, left, right = hands.track(0, 2), hands.track(3, 5), hands.track(3, 4)
    assert hands.ops.why_not_unlink() == "Select a track first."
    hands.editor.select((mother,))
    assert hands.ops.why_not_unlink() == "No selected track has a mother or daughters."
    hands.editor.select((mother, left, right))
    hands.ops.divide()
    hands.editor.select((left,))
    assert hands.ops.unlink() == "Track 2 has no mother any more."
    assert hands.parents == {right: mother}
    hands.editor.undo()
    hands.editor.select((mother,))
    assert hands.ops.unlink() == "Tracks 2 and 3 have no mother any more."
    assert hands.parents == {}


def test_what_is_selected_is_said_to_be_no_division(hands):
    one, same, empty = hands.track(0, 2), hands.track(0, 5), hands.track(1, 1)
    hands.editor.select((one,))
    assert hands.ops.why_not_divide() == "Select a mother and her daughters, two or more tracks."
    hands.editor.select((one, same))
    assert hands.ops.why_not_divide().startswith("Two of the tracks begin first")
    hands.editor.apply(edits.MarkAbsent(empty, Scope.whole()))
    hands.editor.select((one, empty))
    assert hands.ops.why_not_divide() == f"Track {empty} has no mask yet."


def test_an_ancestor_does_not_become_a_daughter(hands):
    mother, daughter = hands.track(0, 1), hands.track(3, 5)
    hands.editor.select((mother, daughter))
    hands.ops.divide()
    hands.editor.apply(edits.SetMask(daughter, 0, disc(SIZE, (20, 20), 5)))
    hands.editor.apply(edits.MarkAbsent(mother, Scope.this_frame(0)))
    assert hands.ops.why_not_divide() == (
        "The track that begins first descends from another selected one."
    )


def test_the_lineage_of_a_track_is_selected_with_it_first(hands):
    mother, left, right = hands.track(0, 2), hands.track(3, 5), hands.track(3, 4)
    assert hands.ops.why_not_family() == "Select a track first."
    hands.editor.select((right,))
    assert "neither mother nor daughters" in hands.ops.why_not_family()
    hands.editor.select((mother, left, right))
    hands.ops.divide()
    hands.editor.select((right,))
    assert hands.ops.why_not_family() == ""
    assert hands.ops.family() == (right, mother, left)


def test_a_read_only_project_says_so(hands, monkeypatch):
    monkeypatch.setattr(hands.editor, "why_not_write", lambda: "The project is for reading.")
    for why in (hands.ops.why_not_divide, hands.ops.why_not_bud, hands.ops.why_not_unlink):
        assert why() == "The project is for reading."


def test_rows_and_lanes_of_both_ends_are_made_anew(hands):
    mother, left, right = hands.track(0, 2), hands.track(3, 5), hands.track(3, 4)
    apart = hands.track(1, 4)
    before = {lane.track_id: lane for lane in hands.index.timeline(8, 10.0).lanes}
    hands.editor.select((mother, left, right))
    hands.ops.divide()
    lanes = hands.index.timeline(8, 10.0).lanes
    assert [lane.track_id for lane in lanes] == [mother, left, right, apart]
    assert [lane.parent_id for lane in lanes] == [None, mother, mother, None]
    assert lanes[3] is before[apart]
    hands.editor.apply(edits.RejectTracks((mother,)))
    assert all(row.parent_id is None for row in hands.index.rows())
