"""Filters find what the project finds; each bulk edit is one step and tells its count."""

import numpy as np
import pytest

from ifc_core.annotation import Scope, StagedInstance, StagedMask, TrackFilter, edits
from ifc_core.structures import RLEMask, TrackState
from napari_ifc.controllers.bulk import BulkController
from napari_ifc.controllers.editing import EditController
from napari_ifc.controllers.tracks import TrackIndex
from napari_ifc.rows import FrameRange


def square(size, side):
    mask = np.zeros(size, dtype=bool)
    mask[:side, :side] = True
    return RLEMask.from_array(mask)


@pytest.fixture
def bulk(session):
    """Six tracks of two classes with rising scores, areas and lengths."""
    project, entry = session.project, session.entry
    run = project.begin_run("propose", entry.id, {}, "")
    for f in range(10):
        masks = [StagedMask(i, square(entry.size, 4 + 3 * i), 0.5) for i in range(6) if f <= i + 2]
        project.stage(run, f, masks)
    names = ("fish", "bird")
    staged = [StagedInstance(i, names[i % 2], 0.1 + 0.15 * i) for i in range(6)]
    project.stage_instances(run, staged)
    project.finish_run(run)
    project.apply(edits.AcceptRun(run))
    ids = [t.id for t in sorted(project.tracks(entry.id), key=lambda t: t.score)]
    project.apply(edits.ApproveTracks((ids[4],)))
    index = TrackIndex(project, entry.id)
    editor = EditController(project, entry, index, on_changed=lambda result: None)
    return BulkController(project, entry, index, editor.apply), project, ids


FILTERS = [
    TrackFilter(score_below=0.5),
    TrackFilter(score_at_least=0.4, score_below=0.8),
    TrackFilter(mean_area_below_px=100),
    TrackFilter(mean_area_at_least_px=100),
    TrackFilter(fewer_frames_than=5, frames_at_least=4),
    TrackFilter(category_ids=(1,)),
    TrackFilter(states=(TrackState.APPROVED,)),
    TrackFilter(untouched_only=True),
    TrackFilter(scope=Scope(6, 9)),
    TrackFilter(scope=Scope(1, 4), frames_at_least=4, score_below=0.9),
    TrackFilter(),
]


@pytest.mark.parametrize("where", FILTERS)
def test_the_window_finds_what_the_project_finds(bulk, where):
    controller, project, _ = bulk
    found = controller.find(where)
    assert list(found) == project.find_tracks(1, where)
    assert 0 < len(found) <= 6
    assert (len(found) == 6) == where.is_open


def test_a_track_with_a_rejected_mask_is_no_untouched_one(bulk):
    controller, project, ids = bulk
    where = TrackFilter(untouched_only=True)
    assert ids[0] in controller.find(where)
    controller._apply(edits.RejectMasks((ids[0],), Scope(1, 1)))
    assert ids[0] not in controller.find(where)
    assert list(controller.find(where)) == project.find_tracks(1, where)


def test_a_track_with_a_mother_or_a_daughter_is_no_untouched_one(bulk):
    controller, project, ids = bulk
    where = TrackFilter(untouched_only=True)
    mother, daughter = ids[0], ids[3]
    controller._apply(edits.ClearMasks((daughter,), Scope(0, 2)))
    assert {mother, daughter} <= {*controller.find(where)}
    controller._apply(edits.LinkDivision(mother, (daughter,)))
    assert not {mother, daughter} & {*controller.find(where)}
    assert list(controller.find(where)) == project.find_tracks(1, where)


def test_bulk_edits_are_one_step_and_say_how_many(bulk):
    controller, project, ids = bulk
    few = tuple(ids[:3])
    number = len(project.history())
    steps = (
        (lambda: controller.approve(few), "Approved 3 tracks with 12 masks."),
        (lambda: controller.relabel(few, "whale"), "Relabelled 3 tracks to whale."),
        (lambda: controller.reject((ids[5],)), "Rejected 1 track; undo brings them back."),
        (lambda: controller.delete(few), "Deleted 3 tracks with 12 masks."),
    )
    for done, (step, sentence) in enumerate(steps, start=1):
        assert step() == sentence
        assert len(project.history()) == number + done
    assert project.history()[0].label == "Delete tracks {}, {} and {}".format(*few)
    for _ in steps:
        project.undo()
    assert len(project.tracks(1)) == 6
    assert "whale" not in [c.name for c in project.categories()]


def test_classes_made_for_many_tracks_have_colours_of_their_own(bulk):
    controller, project, ids = bulk
    for number, name in enumerate(("whale", "shark", "crab")):
        controller.relabel((ids[number],), name)
    colours = [c.color_rgb for c in project.categories()]
    assert len(set(colours)) == len(colours) >= 4


def test_a_deletion_counts_masks_not_what_is_absent_or_rejected(bulk):
    controller, project, ids = bulk
    project.apply(edits.MarkAbsent(ids[0], Scope(6, 8)))
    project.apply(edits.RejectMasks((ids[0],), Scope(0, 0)))
    marked = FrameRange(2, 7, (ids[0],))
    assert controller.clear(marked) == "Deleted 1 mask."
    project.undo()
    assert controller.clear(FrameRange(6, 7, (ids[0],))) == (
        "There was no mask; 2 frames went back to not annotated."
    )
    project.undo()
    assert controller.delete((ids[0],)) == "Deleted 1 track with 2 masks."


def test_ranges(bulk):
    controller, project, ids = bulk
    assert controller.clear(FrameRange(1, 2)) == "Deleted 12 masks."
    assert controller.extend(FrameRange(1, 2, (ids[5],))) == "Filled 2 frames."
    assert controller.extend(FrameRange(4, 6, (ids[0],))) == "Filled 3 frames."
    project.undo()
    assert controller.extend(FrameRange(1, 2, (ids[5],))).startswith("There is no empty frame")
    assert controller.mark_absent(FrameRange(1, 2, (ids[0],))) == (
        f"Marked track {ids[0]} absent on 2 frames."
    )
    assert controller.approve_range(FrameRange(0, 3)) == "Approved 4 frames as complete."
    assert project.exhaustive_frames(1) == [0, 1, 2, 3]


def test_extending_fills_the_marked_frames_only(bulk):
    controller, project, _ = bulk
    size = project.video(1).size
    track = project.apply(edits.NewTrack(1, 1, 4, square(size, 8))).tracks_added[0]
    project.apply(edits.SetMask(track, 7, square(size, 4)))
    index = TrackIndex(project, 1)
    editor = EditController(project, project.video(1), index, on_changed=lambda result: None)
    controller = BulkController(project, project.video(1), index, editor.apply)
    for marked, filled in (((1, 2), {1, 2}), ((6, 6), {6}), ((9, 9), {9})):
        before = {f.frame_index for f in project.track_frames(track)}
        assert controller.extend(FrameRange(*marked, (track,))).startswith("Filled ")
        assert {f.frame_index for f in project.track_frames(track)} - before == filled


def test_rejected_tracks_are_restored_long_after(bulk):
    controller, project, ids = bulk
    assert controller.rejected() == ()
    controller.reject((ids[0], ids[5]))
    controller.clear(FrameRange(0, 0, (ids[3],)))  # undo alone would take this back first
    assert controller.rejected() == tuple(sorted((ids[0], ids[5])))
    assert controller.rejected(7) == (ids[5],)
    assert controller.restore((ids[5],)) == "Restored 1 track."
    assert controller.rejected() == (ids[0],)
    assert ids[5] in controller.find(TrackFilter())
    states = {track.id: track.state for track in project.tracks(1)}
    assert states[ids[5]] is TrackState.CORRECTED  # that it stays is a person's word
    assert len(project.track_frames(ids[5])) == 8
    assert project.undo().kind == "RestoreTracks"


def test_what_is_rejected_on_a_frame_is_restored_in_one_step(bulk):
    controller, project, ids = bulk
    frames = {i: {f.frame_index for f in project.track_frames(i)} for i in ids}
    frame = max(set.union(*frames.values()), key=lambda f: sum(f in s for s in frames.values()))
    first, second, third = [i for i in ids if frame in frames[i]][:3]
    here = Scope(frame, frame)
    before = {i: project.mask(i, frame).state for i in (second, third)}
    project.apply(edits.RejectMasks((second, third), here))
    assert controller.rejected_masks(frame) == tuple(sorted((second, third)))
    assert controller.restore_here(frame) == "Restored 2 masks."
    assert controller.rejected_masks(frame) == ()
    assert {i: project.mask(i, frame).state for i in (second, third)} == before
    assert project.undo().kind == "RestoreMasks"
    controller.reject((first,))
    project.apply(edits.RejectMasks((first,), here))  # comes back with its track
    assert controller.rejected_masks(frame) == tuple(sorted((second, third)))
    assert controller.restore_here(frame) == "Restored 1 track, and 2 masks of others."
    assert controller.rejected_masks(frame) == controller.rejected() == ()
    assert project.mask(first, frame).shown is not None
    project.undo()
    assert controller.rejected() == (first,)
    assert controller.rejected_masks(frame) == tuple(sorted((second, third)))


def test_words_are_one_more_condition(bulk):
    controller, _, ids = bulk
    low = TrackFilter(score_below=0.5)
    assert set(controller.find(low)) == set(ids[:3])
    assert set(controller.find(low, "FISH")) == {ids[0], ids[2]}
    assert controller.find(TrackFilter(), "approved") == (ids[4],)
    assert controller.find(low, str(ids[1])) == (ids[1],)
    assert controller.find(TrackFilter(), "0.") == ()  # scores have a condition of their own
