"""Which tracks are seen on the canvas, and in which colours."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fake_engine import SIZE, disc

from ifc_core.annotation import edits
from ifc_core.config import read_settings
from ifc_core.inference.review_queue import Reason
from ifc_core.io.video import open_video
from napari_ifc.controllers import tracks
from napari_ifc.controllers.track_look import TrackLook
from napari_ifc.features.picking import Picking
from napari_ifc.features.review import Review

pytestmark = pytest.mark.window


@pytest.fixture
def desk(tidied_desk):
    return tidied_desk


RED = (255, 0, 0)
COLUMNS = (15, 32, 49)  # of three discs side by side on frame 0


@pytest.fixture
def three(desk):
    """Ids of three tracks on frame 0; none is selected."""
    ids = []
    for column in COLUMNS:
        desk.studio.select(())
        ids += desk.editor.commit_rle(disc(SIZE, (24, column), 5), "Paint").tracks_added
    desk.studio.select(())
    return ids


def seen(desk) -> list[bool]:
    """Which of the three discs are drawn, by their outlines; the inside of one is the brush's."""
    picture = desk.picture
    scale = picture.shape[1] / SIZE[1]
    band = slice(round(24 * scale), round(25 * scale))
    return [
        bool(picture[band, round((c + 4) * scale) : round((c + 7) * scale), 3].any())
        for c in COLUMNS
    ]


def hint(desk) -> str:
    return desk.studio.panel.header._hint.text()


def eye(desk) -> str:
    return desk.studio.panel.tools._buttons["look"].toolTip()


def test_one_track_is_seen_alone_while_it_is_selected(desk, three):
    studio = desk.studio
    assert seen(desk) == [True, True, True]
    before = hint(desk)
    studio.select((three[1],))
    assert studio.run_action("view.only_selected")
    assert seen(desk) == [False, True, False]
    assert hint(desk) == "Only the selected tracks are shown; Shift+S shows all."
    assert hint(desk) in eye(desk)
    studio.select((three[0], three[2]))
    assert seen(desk) == [True, False, True]
    studio.select(())  # else nothing could be picked
    assert seen(desk) == [True, True, True]
    assert hint(desk) == "Select a track to see it alone; Shift+S ends this."
    assert studio.run_action("view.only_selected")
    assert hint(desk) == before
    assert eye(desk) == "How masks are shown"


def test_a_click_finds_nothing_where_nothing_is_seen(desk, three):
    studio = desk.studio
    studio.select((three[1],))
    studio.run_action("view.only_selected")
    studio.feature(Picking).pick(COLUMNS[0], 24)
    assert desk.editor.selected == ()
    studio.feature(Picking).pick(COLUMNS[0], 24)  # now all are seen
    assert desk.editor.selected == (three[0],)


def test_hidden_tracks_stay_hidden_until_they_are_selected_or_all_are_shown(desk, three):
    studio = desk.studio
    assert not studio.run_action("view.hide")  # nothing is selected
    assert not studio.run_action("view.all_tracks")
    studio.select((three[0],))
    assert studio.run_action("view.hide")
    assert desk.editor.selected == ()
    assert seen(desk) == [False, True, True]
    assert hint(desk) == "1 track is hidden; Ctrl+Shift+H shows it."
    studio.layers.go_to(1)
    studio.layers.go_to(0)
    assert seen(desk) == [False, True, True]
    studio.select((three[0],))  # in the list, where it still stands
    assert seen(desk) == [True, True, True]
    assert "hidden" not in hint(desk)
    studio.select((three[1], three[2]))
    assert seen(desk) == [False, True, True]
    studio.run_action("view.hide")
    assert seen(desk) == [False, False, False]
    assert hint(desk) == "3 tracks are hidden; Ctrl+Shift+H shows them."
    assert studio.run_action("view.all_tracks")
    assert seen(desk) == [True, True, True]
    studio.select((three[0],))
    studio.run_action("view.hide")
    studio.select((three[0],))
    assert studio.run_action("view.hide")  # once more: it is seen again
    studio.select(())
    assert seen(desk) == [True, True, True]


def test_the_next_track_follows_on_the_one_that_was_hidden(desk, three):
    studio = desk.studio
    order = [row.track_id for row in studio.workspace.index.rows()]
    assert studio.run_action("track.next")
    assert desk.editor.selected == (order[0],)
    for track_id in order[:2]:
        assert desk.editor.selected == (track_id,)
        studio.run_action("view.hide")
        assert desk.editor.selected == ()
        studio.run_action("track.next")
    assert desk.editor.selected == (order[2],)


def test_what_is_hidden_is_told_beside_what_is_seen_alone(desk, three):
    studio = desk.studio
    studio.select((three[0],))
    studio.run_action("view.only_selected")
    studio.run_action("view.hide")
    hidden = "1 track is hidden; Ctrl+Shift+H shows it."
    assert hint(desk) == f"Select a track to see it alone; Shift+S ends this. {hidden}"
    studio.select((three[1],))
    assert hint(desk) == f"Only the selected tracks are shown; Shift+S ends this. {hidden}"
    studio.run_action("view.only_selected")
    assert hint(desk) == hidden


def test_it_is_told_that_strokes_stop_at_what_is_not_seen(desk, three, qtbot):
    studio = desk.studio
    words = "With “No overlap”, strokes stop at hidden masks of this frame."
    studio.select((three[0],))
    studio.run_action("view.hide")
    hidden = hint(desk)
    assert words not in hidden
    assert studio.run_action("overlap.forbid")
    qtbot.waitUntil(lambda: hint(desk) == eye(desk).partition("\n")[2] == f"{hidden} {words}")
    studio.layers.go_to(1)  # no mask is there
    assert hint(desk) == eye(desk).partition("\n")[2] == hidden
    studio.layers.go_to(0)
    assert hint(desk) == eye(desk).partition("\n")[2] == f"{hidden} {words}"
    studio.select((three[0],))  # so it is seen
    assert words not in hint(desk)
    studio.run_action("view.only_selected")
    assert words in hint(desk)
    desk.editor.apply(edits.DeleteTracks(tuple(three[1:])))
    assert words not in hint(desk)
    studio.run_action("edit.undo")
    assert words in hint(desk)
    assert studio.run_action("overlap.keep")
    qtbot.waitUntil(lambda: words not in hint(desk) and words not in eye(desk))


def test_no_sentence_stays_that_says_nothing_is_hidden(desk, three):
    studio = desk.studio
    studio.select((three[0],))
    studio.run_action("view.hide")
    studio.inform("No track is hidden.")
    studio.select((three[1],))
    studio.run_action("view.hide")
    assert desk.said == ""


def test_no_frame_is_approved_with_tracks_that_are_not_seen(desk, three):
    studio = desk.studio
    studio.select(tuple(three[:2]))
    studio.run_action("view.hide")
    studio.run_action("frame.approve")
    assert desk.said == (
        "2 hidden tracks are shown; press A again to approve the frame with all its tracks."
    )
    assert seen(desk) == [True, True, True]
    assert not desk.editor.frame_is_approved()
    studio.run_action("frame.approve")
    assert desk.editor.frame_is_approved()
    studio.select((three[0],))
    studio.run_action("view.only_selected")
    studio.run_action("frame.approve")  # taken back: nothing unseen is approved
    assert not desk.editor.frame_is_approved()
    assert seen(desk) == [True, False, False]
    studio.layers.go_to(5)
    studio.run_action("frame.approve")  # none of them is there
    assert desk.editor.frame_is_approved()
    assert studio.workspace.look.only_selected


def test_nothing_unseen_is_approved_while_very_many_masks_are_still_being_read(
    desk, three, monkeypatch
):
    studio, words = desk.studio, "strokes stop at hidden masks of this frame"
    studio.run_action("overlap.forbid")
    monkeypatch.setattr(tracks, "AT_ONCE", 0)
    studio.workspace.index.reload()  # as after an import; no worker has read it yet
    assert words not in hint(desk)
    studio.run_action("frame.approve")  # nothing is hidden
    assert desk.editor.frame_is_approved()
    studio.run_action("edit.undo")
    studio.workspace.index.reload()
    studio.select((three[0],))
    studio.run_action("view.hide")
    assert words in hint(desk)
    studio.run_action("frame.approve")
    assert desk.said.startswith("1 hidden track is shown; press A again")
    assert not desk.editor.frame_is_approved()
    assert seen(desk) == [True, True, True]
    studio.run_action("frame.approve")
    assert desk.editor.frame_is_approved()


def test_no_entry_of_complete_frames_is_accepted_with_tracks_that_are_not_seen(desk, three, qtbot):
    studio = desk.studio
    queue = studio.feature(Review).controller
    desk.editor.apply(edits.ApproveTracks(tuple(three)))
    qtbot.waitUntil(lambda: not queue.is_busy and len(queue.entries) > 0, timeout=60_000)
    queue.next()
    assert queue.current.reason is Reason.COMPLETE
    studio.select((three[2],))
    studio.run_action("view.hide")
    assert studio.run_action("review.accept")
    assert desk.said == (
        "1 hidden track is shown; accept again to approve the frames with all their tracks."
    )
    assert seen(desk) == [True, True, True]
    assert not desk.editor.frame_is_approved()
    assert studio.run_action("review.accept")
    assert desk.project.frame_is_exhaustive(desk.video_id, 0)


def test_what_is_hidden_is_no_edit_and_ends_with_the_video(desk, three, clip):
    studio = desk.studio
    steps = len(desk.project.history())
    studio.select((three[0],))
    studio.run_action("view.hide")
    studio.run_action("view.only_selected")
    assert len(desk.project.history()) == steps
    assert studio.open_path(clip)
    assert seen(desk) == [True, True, True]
    assert studio.workspace.look == TrackLook()


def test_frames_that_were_painted_ahead_show_no_hidden_track(desk, three):
    studio = desk.studio
    for column, track_id in zip(COLUMNS, three, strict=True):
        for frame in range(1, 6):
            mask = disc(SIZE, (24, column), 5)
            desk.editor.commit_rle(mask, "Paint", track_id=track_id, frame_index=frame)
    studio.select(())
    studio.layers.go_to(1)
    studio.layers.go_to(2)  # 3 and 4 are planned with all tracks
    studio.workspace.look = TrackLook(hidden=frozenset(three[:2]))
    studio.layers.go_to(3)
    assert seen(desk) == [False, False, True]


def test_masks_of_a_run_are_not_seen_beside_one_that_is_seen_alone():
    look = TrackLook(only_selected=True)
    assert not look.shows(-3, (1,))
    assert look.shows(-3, ())
    assert look.shows(1, (1,))
    assert not TrackLook(hidden=frozenset((2,))).shows(2, (1,))


@pytest.mark.usefixtures("own_studio")
class TestColours:
    @pytest.fixture
    def classes(self, desk, three):
        """The last of the three tracks is a mouse, and mice are red."""
        desk.studio.select((three[2],))
        desk.studio.relabel("mouse")
        mouse = next(c for c in desk.project.categories() if c.name == "mouse")
        desk.editor.apply(edits.SetCategory(replace(mouse, color_rgb=RED)))
        desk.studio.select(())
        return {c.name: c.color_rgb for c in desk.project.categories()}

    @staticmethod
    def drawn(desk) -> list[tuple[int, ...]]:
        picture = desk.picture
        scale = picture.shape[1] / SIZE[1]
        return [tuple(picture[round(26 * scale), round(c * scale), :3].tolist()) for c in COLUMNS]

    @staticmethod
    def listed(desk) -> list[tuple[int, ...]]:
        desk.studio.presenter.lists()
        return [row.color_rgb for row in desk.studio.panel.tracks.model._rows]

    def test_tracks_have_the_colours_of_their_classes_everywhere(self, desk, three, classes):
        studio = desk.studio
        own = [desk.project.track(i).color_rgb for i in three]
        assert self.drawn(desk) == self.listed(desk) == own
        assert studio.run_action("view.by_class")
        expected = [classes["object"], classes["object"], RED]
        assert self.drawn(desk) == self.listed(desk) == expected
        assert [lane.color_rgb for lane in studio.timeline._data.lanes] == expected
        studio.select((three[2],))
        assert studio.layers.layers[-1].get_color(1)[:3] == pytest.approx((1, 0, 0))
        assert read_settings().color_by == "class"  # and in the next window
        assert studio.run_action("view.by_class")
        assert self.drawn(desk)[:2] == own[:2]
        assert self.listed(desk) == own

    def test_they_follow_the_classes(self, desk, three, classes):
        studio = desk.studio
        studio.run_action("view.by_class")
        studio.select((three[0],))
        studio.relabel("mouse")
        studio.select(())
        assert self.drawn(desk) == self.listed(desk) == [RED, classes["object"], RED]
        mouse = next(c for c in desk.project.categories() if c.name == "mouse")
        desk.editor.apply(edits.SetCategory(replace(mouse, color_rgb=(0, 0, 255))))
        assert self.drawn(desk)[0] == self.listed(desk)[0] == (0, 0, 255)
        studio.run_action("edit.undo")
        assert self.drawn(desk)[0] == RED

    def test_an_exported_film_has_them_too(self, desk, three, classes, tmp_path):
        pictures = []
        for _ in range(2):
            desk.studio.export_overlay(tmp_path / "film.mp4")
            with open_video(tmp_path / "film.mp4") as film:
                pictures.append(film.read(0)[22:27, 47:52].reshape(-1, 3).mean(axis=0))
            assert desk.studio.run_action("view.by_class")
        own = np.array(desk.project.track(three[2]).color_rgb)
        change = pictures[1] - pictures[0]
        assert change @ (np.array(RED) - own) > 0.1 * np.sum((np.array(RED) - own) ** 2)

    def test_another_look_leaves_them(self, desk, three, classes):
        studio = desk.studio
        studio.run_action("view.by_class")
        studio.panel.tools.look.show_look(0.45, 2, True, False)
        studio.panel.tools.look.opacity.setValue(80)
        assert self.drawn(desk)[2] == RED
        studio.run_action("view.all_tracks")
        assert self.drawn(desk)[2] == RED
