"""Runs stage, people commit."""

import pytest

from ifc_core.annotation import Project, RunState, Scope, StagedInstance, StagedMask
from ifc_core.annotation.edits import (
    AcceptPropagation,
    AcceptRun,
    ApproveFrames,
    ClearMasks,
    InterpolateMasks,
    MarkAbsent,
    RejectTracks,
    SetMask,
)
from ifc_core.errors import EditError
from ifc_core.structures import FrameState, MaskSource, TrackState

from .conftest import NUM_FRAMES, SIZE, box, state_of

LABELS = [StagedInstance(0, "dog", 0.9), StagedInstance(1, "fox", 0.3)]


def stage(project, boxes, kind="propose", labels=LABELS, finish=True):
    """A run with a box of each instance on every frame: instance -> (row, column)."""
    run_id = project.begin_run(kind, 1, {"clip_length": 5}, model="v0")
    for frame in range(NUM_FRAMES):
        masks = [StagedMask(i, box(*at), 0.5, 0.1 * i, 0.7) for i, at in boxes.items()]
        project.stage(run_id, frame, masks)
    if labels:
        project.stage_instances(run_id, labels)
    if finish:
        project.finish_run(run_id)
    return run_id


def tables(project):
    names = ("masks", "signals", "staged", "staged_instances", "runs")
    return {n: project._db.execute(f"SELECT * FROM {n}").fetchall() for n in names}  # noqa: S608


def test_staged_masks_are_visible_and_outside_the_journal(project):
    before, history = state_of(project)["current"], project.history()
    run_id = stage(project, {0: (2, 2), 1: (9, 9)}, finish=False)
    (first, second) = project.staged_masks_at(run_id, 3)
    assert (first.instance_id, first.rle, first.score) == (0, box(2, 2), 0.5)
    assert (second.uncertainty, second.link_score) == (0.1, 0.7)
    assert project.staged_instances(run_id) == LABELS
    assert state_of(project)["current"] == before
    assert project.history() == history
    assert project.open_runs() == []  # still being fed by this process


def test_undo_during_a_run_takes_back_the_stroke(project):
    run_id = stage(project, {0: (2, 2)}, finish=False)
    project.apply(SetMask(1, 9, box(4, 4)))
    project.stage(run_id, 5, [StagedMask(0, box(7, 7))])
    assert project.undo().label == "Paint track 1, frame 9"
    assert project.staged_masks_at(run_id, 5)[0].rle == box(7, 7)


def test_a_discarded_run_leaves_nothing(project):
    before = tables(project)
    run_id = stage(project, {0: (2, 2)}, finish=False)
    project.discard_run(run_id)
    assert tables(project) == before
    with pytest.raises(EditError, match="no run"):
        project.stage(run_id, 0, [])


def test_accepting_is_one_edit(project):
    run_id = stage(project, {0: (0, 0), 1: (14, 0)})
    result = project.apply(AcceptRun(run_id))
    assert len(result.tracks_added) == 2
    assert result.num_masks == 2 * NUM_FRAMES
    by_label = {project.track(t).score: project.track(t) for t in result.tracks_added}
    names = {c.id: c.name for c in project.categories()}
    assert names[by_label[0.9].category_id] == "dog"
    assert names[by_label[0.3].category_id] == "fox"  # a class the project did not have
    assert by_label[0.9].z_order > by_label[0.3].z_order
    assert by_label[0.9].state is TrackState.PROPOSED
    frame = project.track_frames(by_label[0.3].id)[4]
    assert (frame.state, frame.source) == (FrameState.PROPOSED, MaskSource.MODEL)
    assert (frame.uncertainty, frame.link_score) == (0.1, 0.7)
    made_by = project._db.execute("SELECT run_id FROM masks WHERE id = ?", (frame.mask_id,))
    assert made_by.fetchone() == (run_id,)
    assert project.open_runs() == []
    with pytest.raises(EditError, match="accepted already"):
        project.apply(AcceptRun(run_id))


def test_undo_of_accepting_offers_the_run_again(project):
    run_id = stage(project, {0: (0, 0)})
    project.apply(AcceptRun(run_id))
    after = state_of(project)
    assert project.undo().runs_changed == (run_id,)
    (run,) = project.open_runs()
    assert (run.id, run.state, run.masks_staged) == (run_id, RunState.FINISHED, NUM_FRAMES)
    project.redo()
    assert state_of(project) == after
    project.undo()
    project.apply(SetMask(1, 9, box(4, 4)))  # the redo branch is gone, the run is not
    assert len(project.apply(AcceptRun(run_id)).tracks_added) == 1


def test_discarding_after_an_undo_keeps_what_redo_needs(project):
    run_id = stage(project, {0: (0, 0)})
    project.apply(AcceptRun(run_id))
    after = state_of(project)["current"]
    project.undo()
    project.discard_run(run_id)
    assert project.open_runs() == []
    project.redo()
    assert state_of(project)["current"] == after
    assert project.check() == []


def test_selection_by_score_area_range_and_instance(project):
    boxes = {0: (0, 0), 1: (14, 0)}
    result = project.apply(AcceptRun(stage(project, boxes), min_score=0.5, scope=Scope(2, 4)))
    assert result.changed_frames == {result.tracks_added[0]: (2, 3, 4)}
    project.undo()
    project.undo()
    assert project.apply(AcceptRun(stage(project, boxes), min_area_px=31)).num_masks == 0
    result = project.apply(AcceptRun(stage(project, boxes), instance_ids=(1,)))
    assert project.track(result.tracks_added[0]).score == 0.3


def test_proposing_again_touches_only_what_nobody_reviewed(project):
    run_id = stage(project, {0: (0, 0), 1: (14, 0)})
    first = project.apply(AcceptRun(run_id)).tracks_added
    by_score = {project.track(t).score: t for t in first}
    fixed, untouched = by_score[0.9], by_score[0.3]
    project.apply(SetMask(fixed, 3, box(1, 1)))
    project.apply(MarkAbsent(fixed, Scope.this_frame(7)))
    project.apply(ApproveFrames(1, Scope.this_frame(9)))
    kept = {f: project.mask(fixed, f) for f in (3, 7, 9)}
    kept_other = project.mask(untouched, 9)
    again = stage(project, {4: (1, 2), 5: (8, 20)}, labels=[StagedInstance(4, "dog", 0.8)])
    result = project.apply(AcceptRun(again))
    assert {f: project.mask(fixed, f) for f in (3, 7, 9)} == kept
    assert project.mask(untouched, 9) == kept_other  # approved, so the track stays for it
    assert [f.frame_index for f in project.track_frames(untouched)] == [9]
    assert project.mask(fixed, 4).rle == box(1, 2)  # the same object goes on in its track
    assert len(result.tracks_added) == 1
    new_frames = {f.frame_index for f in project.track_frames(result.tracks_added[0])}
    assert new_frames == set(range(NUM_FRAMES)) - {9}  # nothing is added to approved frames


def test_the_model_does_not_bring_a_rejected_track_back(project):
    (track,) = project.apply(AcceptRun(stage(project, {0: (0, 0)}, labels=LABELS[:1]))).tracks_added
    project.apply(RejectTracks((track,)))
    result = project.apply(AcceptRun(stage(project, {0: (0, 1), 1: (12, 12)})))
    assert len(result.tracks_added) == 1
    assert "1 instances cover rejected tracks" in result.note
    assert project.track(track).state is TrackState.REJECTED


def test_propagation_keeps_human_frames(project):
    run_id = project.begin_run("propagate", 1, {})
    for frame in range(NUM_FRAMES):
        rle = None if frame > 8 else box(3, 3)
        project.stage(run_id, frame, [StagedMask(1, rle, uncertainty=0.2)])
    project.finish_run(run_id)
    result = project.apply(AcceptPropagation(run_id, Scope.from_here(1)))
    assert result.note == "2 reviewed masks were kept."
    assert project.mask(1, 2).rle == box(1, 2)
    assert project.mask(1, 3).rle == box(3, 3)
    assert project.mask(1, 3).source is MaskSource.DERIVED
    assert project.mask(1, 0) is None
    assert project.mask(1, 9) is None
    assert project.track_frames(1)[0].uncertainty == 0.2


def propagate(project, track, found, lost=()):
    """Stage and accept a propagation that found a track on some frames and lost it on others."""
    run_id = project.begin_run("propagate", 1, {})
    for frame in (*found, *lost):
        rle = box(3, 3) if frame in found else None
        project.stage(run_id, frame, [StagedMask(track, rle, 0.4, 0.6)])
    project.finish_run(run_id)
    return project.apply(AcceptPropagation(run_id))


@pytest.fixture
def proposed(project):
    """The project with a track of a model's proposals, of which frame 3 was corrected."""
    accepted = project.apply(AcceptRun(stage(project, {0: (8, 8)}, labels=LABELS[:1])))
    (track,) = accepted.tracks_added
    project.apply(SetMask(track, 3, box(8, 9)))
    return project, track


def test_a_propagation_that_loses_the_object_takes_no_proposal_of_a_model_away(proposed):
    project, track = proposed
    result = propagate(project, track, range(4, 7), range(7, NUM_FRAMES))
    assert {f: project.mask(track, f).rle for f in (6, 7, 11)} == {
        6: box(3, 3),
        7: box(8, 8),
        11: box(8, 8),
    }
    assert result.note == "Proposals were kept where the object was not found: 5 frames."
    assert result.label == f"Propagate track {track}, 3 masks"


def test_it_takes_away_what_an_earlier_one_made(proposed):
    project, track = proposed
    propagate(project, track, range(4, 9))
    result = propagate(project, track, range(4, 6), range(6, NUM_FRAMES))
    shown = {f.frame_index: f.source for f in project.track_frames(track)}
    assert [f for f in shown if f > 3] == [4, 5, 9, 10, 11]  # 6 to 8 were of the earlier one
    assert shown[9] is MaskSource.MODEL
    assert result.label == f"Propagate track {track}, 2 masks"
    before = state_of(project)["current"]
    project.undo()
    assert [f.frame_index for f in project.track_frames(track)] == list(range(NUM_FRAMES))
    project.redo()
    assert state_of(project)["current"] == before


def test_beside_a_frame_that_a_person_marked_absent_it_takes_proposals_too(proposed):
    project, track = proposed
    project.apply(MarkAbsent(track, Scope.this_frame(8)))
    result = propagate(project, track, [4], [0, 1, 2, 6, 7, 9, 10, 11])
    shown = [f.frame_index for f in project.track_frames(track) if f.area_px]
    assert shown == [0, 1, 2, 3, 4, 5]  # before the corrected frame nobody said absent
    assert "kept where the object was not found: 3 frames." in result.note


def drawn_but_not_decided(project):
    """Make the person's mask of track 1 on frame 2 a proposal, as an imported file may say it."""
    project._db.execute("UPDATE current SET state = 0 WHERE track_id = 1 AND frame_index = 2")
    assert project.mask(1, 2).state is FrameState.PROPOSED
    assert project.mask(1, 2).source is MaskSource.HUMAN


def test_no_run_replaces_a_drawn_mask_that_nobody_decided_on(project):
    drawn_but_not_decided(project)
    run_id = stage(project, {1: (3, 3)}, "propagate", [StagedInstance(1, "", 1.0, 1)])
    project.apply(AcceptPropagation(run_id))
    assert project.mask(1, 2).rle == box(1, 2)
    project.apply(AcceptRun(stage(project, {0: (1, 2)})))
    assert project.mask(1, 2).rle == box(1, 2)
    assert project.mask(1, 2).source is MaskSource.HUMAN


def test_no_interpolation_or_clearing_of_proposals_replaces_it_either(project):
    drawn_but_not_decided(project)
    project.apply(SetMask(1, 1, box(0, 0)))
    result = project.apply(InterpolateMasks(1, 1, 6))
    assert "1 reviewed" in result.note
    project.apply(ClearMasks((1,), Scope.whole(), proposals_only=True))
    assert project.mask(1, 2).rle == box(1, 2)


def test_a_run_cut_off_by_a_crash_is_offered_on_reopening(project):
    run_id = stage(project, {0: (2, 2)}, labels=None, finish=False)
    nothing = project.begin_run("propose", 1, {})
    project._staging.flush()
    folder = project.folder
    project._db.close()  # as if the process had ended here
    project._syncer.close()
    project._is_open = False
    project._lock.release(clean=False)
    with Project.open(folder) as again:
        assert "not closed in order" in again.notice
        (run,) = again.open_runs()
        assert (run.id, run.state, run.kind) == (run_id, RunState.RUNNING, "propose")
        assert (run.frames_staged, run.settings["clip_length"], run.model) == (12, 5, "v0")
        assert nothing not in [r.id for r in again.runs()]
        assert len(again.apply(AcceptRun(run_id)).tracks_added) == 1


def test_staging_is_checked(project):
    run_id = project.begin_run("propose", 1, {})
    with pytest.raises(EditError, match="frames 0 to 11"):
        project.stage(run_id, NUM_FRAMES, [])
    with pytest.raises(EditError, match="size"):
        project.stage(run_id, 0, [StagedMask(0, box(0, 0).empty((3, 3)))])
    with pytest.raises(EditError, match="no video 8"):
        project.begin_run("propose", 8, {})


def test_staging_a_frame_again_replaces_it(project):
    run_id = stage(project, {0: (2, 2), 1: (8, 8)}, finish=False)
    project._staging.flush()
    project.stage(run_id, 3, [StagedMask(7, box(5, 5))])
    assert [m.instance_id for m in project.staged_masks_at(run_id, 3)] == [7]
    project.finish_run(run_id)
    count = project._db.execute("SELECT count(*) FROM masks WHERE run_id = ?", (run_id,))
    assert count.fetchone()[0] == 2 * NUM_FRAMES - 1
    assert project.staged_masks_at(run_id, 3)[0].rle.size == SIZE


def test_signals_follow_the_record(project):
    project.apply(ClearMasks((1,), Scope()))
    run_id = project.begin_run("propagate", 1, {})
    project.stage(run_id, 2, [StagedMask(1, box(2, 2), None, 0.25, 0.5, 0.125)])
    project.stage(run_id, 6, [StagedMask(1, box(6, 6), None, None, 0.75)])
    project.finish_run(run_id)
    project.apply(AcceptPropagation(run_id))
    lane = {f.frame_index: (f.uncertainty, f.link_score) for f in project.track_frames(1)}
    assert lane == {2: (0.25, 0.5), 6: (None, 0.75)}
    project.apply(SetMask(1, 2, box(0, 0)))
    assert project.track_frames(1)[0].uncertainty is None
    project.undo()
    assert project.track_frames(1)[0].uncertainty == 0.25
    columns = project.frame_columns(1)[1]
    assert columns.uncertainty.tolist() == pytest.approx([0.25, float("nan")], nan_ok=True)
    assert columns.link_score.tolist() == [0.5, 0.75]
    assert columns.quality.tolist() == pytest.approx([0.125, float("nan")], nan_ok=True)
    assert [f.quality for f in project.track_frames(1)] == [0.125, None]


@pytest.mark.parametrize("text", ["[]", "not json", "3", "[" * 300_000, b"\xff"])
def test_a_run_whose_settings_nobody_can_read_is_offered_without_them(project, text):
    run_id = stage(project, {0: (0, 1)})
    project._db.execute("UPDATE runs SET settings = ?, state = 'odd' WHERE id = ?", (text, run_id))
    (run,) = project.open_runs()
    assert (run.settings, run.state) == ({}, RunState.FINISHED)
    faults = project.check()
    assert any("settings of entry" in fault for fault in faults)
    assert any("unknown state" in fault for fault in faults)
    project.add_model("m", "m.safetensors")
    project._db.execute("UPDATE models SET metrics = ?", (text,))
    assert project.models()[0].metrics == {}
    project.discard_run(run_id)
    assert project.open_runs() == []


def test_a_run_that_found_nothing_so_far_is_kept_where_it_can_go_on(project):
    """A recording may be empty for its first hour."""
    run_id = project.begin_run("propose", 1, {})
    project.save_checkpoint(run_id, {"done": 5})
    folder = project.folder
    project.close()
    for _ in range(2):  # also by the reader that is opened next
        with Project.open(folder) as again:
            (run,) = again.open_runs()
            assert (run.id, run.state, run.masks_staged) == (run_id, RunState.RUNNING, 0)
            assert again.run_checkpoint(run_id) == {"done": 5}
    with Project.open(folder) as again:
        again.take_up_run(run_id)
        again.discard_run(run_id)
        assert again.runs() == []
        assert again.run_checkpoint(run_id) is None


def test_nothing_is_left_of_a_run_that_a_crash_cut_off_before_its_first_mask(project):
    run_id = project.begin_run("propose", 1, {}, model="v0")
    project.stage_instances(run_id, LABELS)
    folder = project.folder
    project.close()
    with Project.open(folder) as again:
        assert tables(again) == tables(again) | {"staged_instances": [], "runs": []}
