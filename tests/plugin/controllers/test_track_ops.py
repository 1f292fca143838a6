import pytest
from fake_engine import NUM_FRAMES, SIZE, disc

from ifc_core.annotation import edits
from ifc_core.errors import EditError
from ifc_core.structures import Category, FrameState, MaskSource
from napari_ifc.controllers.classes import ClassBook
from napari_ifc.controllers.editing import EditController
from napari_ifc.controllers.overlaps import PaintOver
from napari_ifc.controllers.track_ops import Reach, TrackOps
from napari_ifc.controllers.tracks import TrackIndex
from napari_ifc.rows import ClassRow


class Desk:
    """The controllers of editing on a project with two classes."""

    def __init__(self, session):
        self.project, self.video_id = session.project, session.entry.id
        index = TrackIndex(session.project, session.entry.id)
        self.editor = EditController(session.project, session.entry, index, lambda result: None)
        self.ops = TrackOps(session.project, session.entry, index, self.editor)
        self.book = ClassBook(session.project, self.editor)
        for number, name in enumerate(("fish", "cat"), start=1):
            self.editor.apply(edits.SetCategory(Category(number, name)))

    def track(self, *frames, column=20):
        """A new selected track, painted on some frames."""
        self.editor.select(())
        for frame in frames:
            self.editor.go_to(frame)
            self.editor.commit_rle(disc(SIZE, (20, column + frame), 6), "Paint")
        return self.editor.current

    def frames(self, track_id):
        return {f.frame_index: f.state for f in self.project.track_frames(track_id)}

    @property
    def order(self):
        return [track.id for track in self.project.tracks(self.video_id)]


@pytest.fixture
def desk(session):
    return Desk(session)


@pytest.mark.parametrize(
    ("reach", "left"), [(Reach.FRAME, {2, 6}), (Reach.ONWARD, {2}), (Reach.TRACK, set())]
)
def test_clearing_by_scope(desk, reach, left):
    track = desk.track(2, 4, 6)
    desk.editor.go_to(4)
    assert not desk.ops.why_not_clear(reach)
    desk.ops.clear(reach)
    assert set(desk.frames(track)) == left
    assert "nothing there" in desk.ops.why_not_clear(reach)


def test_what_is_possible_with_long_tracks_is_found_without_reading_them(desk, monkeypatch):
    desk.track(2, 4, 6)
    monkeypatch.setattr(TrackIndex, "masked_frames", lambda *args: pytest.fail("a list of frames"))
    monkeypatch.setattr(desk.project, "track_columns", lambda *args: pytest.fail("read again"))
    for here, clear, before, after in ((4, True, True, True), (2, True, False, True)):
        desk.editor.go_to(here)
        assert (not desk.ops.why_not_clear(Reach.FRAME)) is clear
        assert (not desk.ops.why_not_begin_here()) is before
        assert (not desk.ops.why_not_end_here()) is after
    desk.editor.go_to(7)
    assert desk.ops.why_not_clear(Reach.ONWARD)
    assert desk.ops.why_not_end_here()


def test_trimming_to_either_side(desk):
    track = desk.track(2, 4, 6)
    desk.editor.go_to(4)
    desk.ops.begin_here()
    assert set(desk.frames(track)) == {4, 6}
    assert "begin here" in desk.ops.why_not_begin_here()
    desk.ops.end_here()
    assert set(desk.frames(track)) == {4}
    assert "end here" in desk.ops.why_not_end_here()
    desk.editor.undo()
    desk.editor.undo()
    assert set(desk.frames(track)) == {2, 4, 6}


def test_trimming_several_tracks_is_one_edit(desk):
    first, second = desk.track(1, 5), desk.track(2, 5, column=40)
    desk.editor.select((first, second))
    desk.editor.go_to(3)
    before = len(desk.project.history())
    desk.ops.begin_here()
    assert set(desk.frames(first)) == set(desk.frames(second)) == {5}
    assert len(desk.project.history()) == before + 1


def test_extending_to_here(desk):
    track = desk.track(3)
    assert "before or behind" in desk.ops.why_not_extend()
    desk.editor.go_to(6)
    assert not desk.ops.why_not_extend()
    desk.ops.extend_here()
    assert set(desk.frames(track)) == {3, 4, 5, 6}
    assert desk.project.mask(track, 6).source is MaskSource.DERIVED


def test_copying_from_either_side(desk):
    track = desk.track(2, 6)
    desk.editor.go_to(4)
    desk.ops.copy_here(forward=True)
    assert desk.project.mask(track, 4).rle == desk.project.mask(track, 2).rle
    desk.editor.go_to(5)
    desk.ops.copy_here(forward=False)
    assert desk.project.mask(track, 5).rle == desk.project.mask(track, 6).rle
    desk.editor.go_to(0)
    assert "earlier" in desk.ops.why_not_copy(forward=True)
    desk.editor.go_to(NUM_FRAMES - 1)
    assert "later" in desk.ops.why_not_copy(forward=False)


def test_interpolating_takes_the_corrected_ends_and_spares_what_is_corrected(desk):
    track = desk.track(2, 6)
    desk.editor.go_to(6)
    desk.editor.go_to(4)
    assert not desk.ops.why_not_interpolate()
    desk.ops.interpolate()
    frames = desk.frames(track)
    assert set(frames) == {2, 3, 4, 5, 6}
    assert frames[4] is FrameState.PROPOSED
    assert frames[2] is frames[6] is FrameState.CORRECTED
    desk.editor.go_to(8)
    assert "between two" in desk.ops.why_not_interpolate()


def test_swapping_and_marking_absent_by_scope(desk):
    first, second = desk.track(2, 4), desk.track(2, 4, column=40)
    masks = {i: desk.project.mask(i, 4).rle for i in (first, second)}
    desk.editor.select((first, second))
    desk.editor.go_to(2)
    desk.editor.swap(Reach.FRAME.scope(2))
    assert desk.project.mask(first, 4).rle == masks[first]
    desk.editor.swap(Reach.TRACK.scope(2))
    assert desk.project.mask(first, 4).rle == masks[second]
    desk.editor.select((first,))
    desk.editor.mark_absent(Reach.ONWARD.scope(5))
    absent = {f for f, state in desk.frames(first).items() if state is FrameState.ABSENT}
    assert absent == set(range(5, NUM_FRAMES))


def test_relabelling_from_here_on_parts_the_track(desk):
    track = desk.track(2, 4, 6)
    desk.editor.relabel("cat", Reach.ONWARD.scope(4))
    assert set(desk.frames(track)) == {2}
    other = next(t for t in desk.project.tracks(desk.video_id) if t.id != track)
    assert (other.category_id, set(desk.frames(other.id))) == (2, {4, 6})


def test_the_order_of_tracks(desk):
    first, second, third = (desk.track(0, column=20 + 5 * i) for i in range(3))
    desk.editor.select((first,))
    assert desk.ops.why_not_reorder("down") == "The track is at the bottom already."
    desk.ops.reorder("up")
    assert desk.order == [second, first, third]
    desk.ops.reorder("top")
    assert desk.order == [second, third, first]
    assert desk.ops.why_not_reorder("top")
    desk.ops.reorder("bottom")
    assert desk.order == [first, second, third]
    assert desk.ops.reorder("down") is None


def test_every_refusal_without_a_selection_is_the_same(desk):
    desk.editor.select(())
    ops = desk.ops
    reasons = {
        ops.why_not_clear(Reach.FRAME),
        ops.why_not_begin_here(),
        ops.why_not_end_here(),
        ops.why_not_extend(),
        ops.why_not_copy(forward=True),
        ops.why_not_interpolate(),
        ops.why_not_reorder("top"),
        desk.editor.why_not_reshape(),
    }
    assert reasons == {"Select a track first."}


# Painting over another track


def paint_over(desk, rule):
    """A second track, painted over half of the first one."""
    below = desk.track(0)
    above = desk.track(0, column=50)
    desk.editor.select((below,))
    desk.editor.paint_over = rule
    desk.editor.commit_rle(disc(SIZE, (20, 46), 6), "Paint")
    return below, above


def test_forbidden_overlap_takes_nothing_from_the_other(desk):
    painted, other = paint_over(desk, PaintOver.FORBID)
    masks = [desk.project.mask(i, 0).rle.to_array() for i in (painted, other)]
    assert not (masks[0] & masks[1]).any()
    assert (masks[0] | masks[1]).sum() == (
        disc(SIZE, (20, 46), 6).to_array() | disc(SIZE, (20, 50), 6).to_array()
    ).sum()
    assert desk.order == [painted, other]


def test_forbidden_overlap_keeps_what_was_shared_before(desk):
    painted, other = paint_over(desk, PaintOver.KEEP)
    shared = disc(SIZE, (20, 46), 6)
    desk.editor.paint_over = PaintOver.FORBID
    grown = disc(SIZE, (20, 46), 7)
    desk.editor.commit_rle(grown, "Paint")
    mask = desk.project.mask(painted, 0).rle.to_array()
    assert (mask & shared.to_array()).sum() == shared.area
    assert not (mask & ~shared.to_array() & desk.project.mask(other, 0).rle.to_array()).any()


def test_painting_on_top_or_below_moves_the_track_in_the_same_edit(desk):
    painted, other = paint_over(desk, PaintOver.TOP)
    assert desk.order == [other, painted]
    desk.editor.undo()
    assert desk.order == [painted, other]
    assert desk.project.mask(painted, 0).rle == disc(SIZE, (20, 20), 6)
    desk.editor.redo()
    desk.editor.paint_over = PaintOver.BELOW
    desk.editor.commit_rle(disc(SIZE, (20, 46), 5), "Erase")
    assert desk.order == [painted, other]


# Classes


def test_classes_get_the_digits_that_are_left(desk):
    desk.editor.apply(edits.SetCategory(Category(1, "fish", hotkey="2")))
    assert [(row.name, row.hotkey) for row in desk.book.rows()] == [("fish", "2"), ("cat", "1")]
    assert desk.book.class_of_key("1").name == "cat"
    assert desk.book.why_not_key("5") == "No class has the key 5."


def test_a_class_is_assigned_to_the_selection_or_to_what_is_begun_next(desk):
    track = desk.track(0)
    assert desk.book.marked() == 1
    desk.book.assign(2)
    assert desk.project.track(track).category_id == 2
    assert desk.book.assign(2) is None
    desk.editor.select(())
    assert desk.book.marked() == 2
    assert desk.editor.default_class() == "cat"
    assert desk.project.track(desk.track(0, column=40)).category_id == 2


def test_classes_are_edited_in_one_step(desk):
    desk.track(0)
    rows = desk.book.rows(counted=True)
    assert [row.num_tracks for row in rows] == [1, 0]
    assert desk.book.save(rows) is None
    changed = [
        ClassRow(1, "perch", (1, 2, 3), "animal", "9"),
        ClassRow(0, "dog", (4, 5, 6)),
    ]
    desk.book.save(changed)
    found = [(c.id, c.name, c.supercategory, c.hotkey) for c in desk.project.categories()]
    assert found == [(1, "perch", "animal", "9"), (3, "dog", "", "")]
    desk.editor.undo()
    assert [c.name for c in desk.project.categories()] == ["fish", "cat"]


def test_a_class_in_use_cannot_be_dropped(desk):
    desk.track(0)
    with pytest.raises(EditError, match="1 tracks are fish"):
        desk.book.save([ClassRow(2, "cat", (1, 2, 3))])
    assert len(desk.project.categories()) == 2
