"""Walking through the queue: order, decisions, stale answers, filters."""

import shutil

import numpy as np
import pytest
from fake_engine import NUM_FRAMES
from review_desk import Desk

from ifc_core.annotation import Scope, StagedInstance, StagedMask, edits
from ifc_core.inference.review_queue import Reason, entry_at
from ifc_core.jobs import JobCancelled, JobContext
from ifc_core.structures import FrameState, RLEMask, TrackState
from napari_ifc.controllers.review import FILTERS, QueueMaker, why_text
from napari_ifc.controllers.videos import adding, look_through


def proposed(session, doubts):
    """Two tracks, the second with a low score, that are unsure on some frames."""
    project, entry = session.project, session.entry
    run = project.begin_run("propose", entry.id, {}, "")
    for f in range(NUM_FRAMES):
        masks = []
        for i in range(2):
            pixels = np.zeros(entry.size, dtype=bool)
            pixels[5 + 20 * i : 15 + 20 * i, f : f + 10] = True
            unsure = doubts[i].get(f, 0.05)
            masks.append(StagedMask(i, RLEMask.from_array(pixels), 0.8, unsure, 0.95))
        project.stage(run, f, masks)
    project.stage_instances(run, [StagedInstance(0, "fish", 0.9), StagedInstance(1, "fish", 0.2)])
    project.finish_run(run)
    project.apply(edits.AcceptRun(run))
    made = Desk(session)
    made.start()
    return made


@pytest.fixture
def desk(session):
    """Two tracks: the first unsure on frames 4 and 5, the second calm with a low score."""
    return proposed(session, ({4: 0.9, 5: 0.9}, {}))


def tracks(desk):
    by_score = sorted(desk.project.tracks(desk.entry.id), key=lambda t: -t.score)
    return [t.id for t in by_score]


def test_accepting_everything_leaves_an_approved_project(desk):
    sure, low = tracks(desk)
    controller = desk.controller
    assert controller.current is None
    assert why_text(entry_at(controller.entries, 0)) == "The model is unsure (90%)"
    assert controller.why_not_decide() == "Choose an entry of the queue first."
    controller.next()
    assert (controller.current.track_id, controller.current.reason) == (sure, Reason.UNCERTAIN)
    assert controller.why_not_fix()
    assert controller.accept() == f"Approved track {sure} on frames 4 to 5."
    states = {f.frame_index: f.state for f in desk.project.track_frames(sure)}
    assert {f for f, s in states.items() if s is FrameState.APPROVED} == {4, 5}
    assert controller.current.reason is Reason.LOW_SCORE
    assert controller.accept() == f"Approved track {low}."
    assert controller.accept() == f"Approved track {sure}."
    assert controller.current.reason is Reason.COMPLETE
    assert controller.why_not_reject()
    assert controller.accept() == f"Approved frames 0 to {NUM_FRAMES - 1} as complete."
    assert len(controller.entries) == 0
    assert controller.why_not_decide() == "The queue is empty."
    assert desk.project.exhaustive_frames(desk.entry.id) == list(range(NUM_FRAMES))
    assert [e.track_id for e in desk.entries] == [sure, low, sure, 0]
    controller.take_edit(desk.project.undo())
    assert controller.current.reason is Reason.COMPLETE


def test_only_frames_that_are_to_be_annotated_become_complete(desk):
    sure, low = tracks(desk)
    video = desk.entry.id
    desk.apply(edits.Batch((edits.SetVideo(video, annotation_step=5), edits.DeleteTracks((low,)))))
    for frame in (0, 5):
        desk.apply(edits.ApproveTracks((sure,), Scope.this_frame(frame)))
    rows = [entry_at(desk.controller.entries, i) for i in range(len(desk.controller.entries))]
    desk.controller.go_to([row.reason for row in rows].index(Reason.COMPLETE))
    assert desk.controller.accept() == "Approved 2 of frames 0 to 5 as complete."
    assert desk.project.exhaustive_frames(video) == [0, 5]
    assert desk.project.mask(sure, 2).state is FrameState.PROPOSED


def test_rejecting_and_skipping(desk):
    sure, low = tracks(desk)
    controller = desk.controller
    controller.next()
    controller.next()
    assert controller.current.track_id == low
    assert controller.reject() == f"Rejected track {low}; undo brings it back."
    states = {t.id: t.state for t in desk.project.tracks(desk.entry.id)}
    assert states[low] is TrackState.REJECTED
    assert low not in controller.entries["track"]
    controller.previous()
    assert controller.current.track_id == sure
    assert controller.doubtful_frames().tolist() == [4]


def test_an_answer_that_came_too_late_is_dropped(desk):
    desk.at_once = False
    controller = desk.controller
    controller.next()
    controller.accept()
    (early,) = desk.waiting
    desk.waiting.clear()
    before = len(controller.entries)
    controller.accept()
    assert len(controller.entries) < before
    shown = controller.entries.copy()
    work, take = early
    take(work())
    assert np.array_equal(controller.entries, shown)
    desk.work()
    followed = controller.entries.copy()
    desk.at_once = True
    desk.start()
    assert np.array_equal(controller.entries, followed)


def test_the_list_is_narrowed_and_keeps_its_place(desk):
    controller = desk.controller
    filters = dict(FILTERS)
    controller.go_to(1)
    key = controller.current.key
    controller.narrow(filters["Whole tracks"])
    assert controller.current.key == key
    assert set(controller.entries["reason"].tolist()) < set(range(len(Reason)))
    controller.narrow(filters["Suspected swaps"])
    assert len(controller.entries) == 0
    assert desk.views[-1].total > 0
    controller.narrow(filters["Everything"])
    assert len(controller.entries) == desk.views[-1].total
    assert set().union(*filters.values()) == set(Reason)


def test_stopping_tells_nothing_more(desk):
    desk.at_once = False
    desk.start()
    (_, take) = desk.waiting[0]
    desk.controller.stop()
    number = len(desk.views)
    take(np.zeros(0, dtype=desk.controller.entries.dtype))
    assert len(desk.views) == number


def test_an_update_that_was_cut_off_is_read_anew(desk, session):
    maker = QueueMaker(desk.project.folder)
    video_id = desk.entry.id
    whole = maker.build([video_id], video_id, JobContext())
    stopped = JobContext()
    stopped.cancel()
    tracks = [track.id for track in desk.project.tracks(video_id)]
    with pytest.raises(JobCancelled):
        maker.update([video_id], tracks, video_id, stopped)
    again = maker.update([video_id], tracks[:1], video_id, JobContext())
    assert again.tolist() == whole.tolist()


def test_what_is_decided_is_what_was_shown(session):
    desk = proposed(session, ({3: 0.9, 4: 0.6, 5: 0.6}, {3: 0.8, 4: 0.8}))
    sure, low = tracks(desk)
    controller = desk.controller
    controller.next()
    shown = desk.entries[-1]
    assert (shown.track_id, shown.first, shown.last) == (sure, 3, 5)
    pixels = np.zeros(desk.entry.size, dtype=bool)
    pixels[5:15, 3:13] = True
    desk.apply(edits.SetMask(sure, 3, RLEMask.from_array(pixels)))  # by hand
    assert controller.entries["track"][0] == low  # which is more urgent now
    entry = controller.current
    assert (entry.track_id, entry.first, entry.last, entry.reason) == (sure, 4, 5, shown.reason)
    assert controller.accept() == f"Approved track {sure} on frames 4 to 5."
    assert desk.project.mask(low, 4).state is FrameState.PROPOSED


def test_an_entry_that_is_mended_by_hand_leaves_nothing_to_accept(desk):
    sure, low = tracks(desk)
    controller = desk.controller
    controller.next()
    assert controller.current.track_id == sure
    pixels = np.zeros(desk.entry.size, dtype=bool)
    for f in (4, 5):
        pixels[:] = False
        pixels[5:15, f : f + 10] = True
        desk.apply(edits.SetMask(sure, f, RLEMask.from_array(pixels)))
    assert controller.current is None
    assert controller.why_not_decide() == "Choose an entry of the queue first."
    assert len(desk.entries) == 1  # the canvas stays where the person works
    controller.next()  # goes on where the mended entry stood
    assert controller.current.track_id == low


def test_an_entry_that_cannot_be_shown_is_not_decided_on(desk):
    controller = desk.controller
    desk.can_show = False  # its video stays closed, since something goes on in this one
    controller.next()
    assert controller.current is None
    assert controller.why_not_decide() == "Choose an entry of the queue first."
    desk.can_show = True
    controller.next()
    assert [e.key for e in desk.entries] == [controller.current.key] * 2


def test_an_entry_whose_video_comes_later_is_decided_on_then(desk):
    controller = desk.controller
    desk.can_show = False  # its video is being opened
    controller.next()
    (entry,) = desk.entries
    assert controller.current is None
    desk.can_show = True
    controller.come_to(entry)
    assert controller.current.key == entry.key
    desk.apply(edits.ApproveTracks((entry.track_id,)))
    controller.come_to(entry)  # it is in the list no more
    assert controller.current is None
    assert len(desk.entries) == 2


def test_an_undo_in_another_video_is_seen_in_the_queue_of_the_project(desk, clip, tmp_path):
    project, controller = desk.project, desk.controller
    other = tmp_path / "other"
    shutil.copytree(clip, other)
    sorted(other.iterdir())[-1].unlink()
    edit, _ = adding(project, look_through([other], JobContext()))
    project.apply(edit)
    second = project.videos()[1].id
    mask = RLEMask.from_array(np.ones(desk.entry.size, dtype=bool))
    run = project.begin_run("propose", second, {}, "")
    project.stage(run, 0, [StagedMask(0, mask, 0.8)])
    project.stage_instances(run, [StagedInstance(0, "fish", 0.9)])
    project.finish_run(run)
    (track_id,) = project.apply(edits.AcceptRun(run)).tracks_added
    both = [desk.entry.id, second]
    controller.start(both, second, None)
    desk.apply(edits.ApproveTracks((track_id,)))
    assert track_id not in controller.entries["track"]
    controller.start(both, desk.entry.id, None)  # the first video is shown again
    controller.take_edit(project.undo())
    assert track_id in controller.entries["track"]
    low = tracks(desk)[1]
    desk.apply(edits.ApproveTracks((low,)))  # the shown one's queue still follows
    assert low not in controller.entries["track"]
    assert track_id in controller.entries["track"]


def test_what_comes_into_an_empty_list_shows_no_other_video(desk, clip, tmp_path):
    project, controller = desk.project, desk.controller
    other = tmp_path / "other"
    shutil.copytree(clip, other)
    sorted(other.iterdir())[-1].unlink()
    edit, _ = adding(project, look_through([other], JobContext()))
    project.apply(edit)
    second = project.videos()[1].id
    controller.start([desk.entry.id, second], desk.entry.id, None)
    controller.narrow(frozenset({Reason.LOW_SCORE}))
    controller.next()
    controller.accept()
    assert len(controller.entries) == 0
    shown = len(desk.entries)
    run = project.begin_run("propose", second, {}, "")
    project.stage(run, 0, [StagedMask(0, RLEMask.from_array(np.ones(desk.entry.size, bool)), 0.2)])
    project.stage_instances(run, [StagedInstance(0, "fish", 0.2)])
    project.finish_run(run)
    controller.take_edit(project.apply(edits.AcceptRun(run)))
    assert controller.entries["video"].tolist() == [second]
    assert len(desk.entries) == shown
    assert controller.current is None


@pytest.mark.parametrize("drawn", [(), (3, 4, 5, 6)])
def test_what_marking_a_lost_stretch_absent_did_is_told(desk, drawn):
    sure, _ = tracks(desk)
    desk.apply(edits.ClearMasks((sure,), Scope(3, 6)))
    run = desk.project.begin_run("propagate", desk.entry.id, {})
    for f in range(3, 7):
        desk.project.stage(run, f, [StagedMask(sure, None, 0.4, 0.6)])
    desk.project.finish_run(run)
    desk.apply(edits.AcceptPropagation(run))
    controller = desk.controller
    controller.narrow(frozenset({Reason.LOST}))
    controller.next()
    mask = RLEMask.from_array(np.ones(desk.entry.size, dtype=bool))
    for f in drawn:
        desk.project.apply(edits.SetMask(sure, f, mask))  # the worker has not seen it yet
    assert controller.accept() == (
        f"Track {sure} is annotated on frames 3 to 6 by now; none was marked absent."
        if drawn
        else f"Marked track {sure} absent on frames 3 to 6."
    )
    states = {f: desk.project.mask(sure, f).state for f in range(3, 7)}
    assert set(states.values()) == {FrameState.CORRECTED if drawn else FrameState.ABSENT}


def test_where_a_propagation_lost_its_object_is_marked_absent_with_one_key(desk):
    sure, low = tracks(desk)
    desk.apply(edits.Batch((edits.DeleteTracks((low,)), edits.ClearMasks((sure,), Scope(3, 9)))))
    run = desk.project.begin_run("propagate", desk.entry.id, {"frames": [3, 8]})
    for f in range(3, 7):
        desk.project.stage(run, f, [StagedMask(sure, None, 0.4, 0.6)])
    desk.project.finish_run(run)
    desk.apply(edits.AcceptPropagation(run))  # no track shows anything else for it
    controller = desk.controller
    controller.narrow(next(r for name, r in FILTERS if Reason.LOST in r and len(r) == 2))
    controller.next()
    lost = controller.current
    assert (lost.reason, lost.first, lost.last, lost.frame_index) == (Reason.LOST, 3, 6, 3)
    assert why_text(lost) == "Lost by a propagation: is it out of sight?"
    assert controller.why_not_reject()
    drawn = RLEMask.from_array(np.ones(desk.entry.size, dtype=bool))
    desk.project.apply(edits.SetMask(sure, 4, drawn))  # the worker has not seen it yet
    assert controller.accept() == (
        f"Marked track {sure} absent on 3 of frames 3 to 6; the rest is annotated."
    )
    assert desk.project.mask(sure, 4).rle == drawn
    assert desk.project.mask(sure, 3).state is FrameState.ABSENT
    stopped = controller.current
    assert (stopped.reason, stopped.first, stopped.last) == (Reason.UNREACHED, 7, 8)
    assert controller.why_not_accept()
    assert not controller.why_not_decide()
