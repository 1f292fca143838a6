"""Suspected divisions that a person said are none: kept with the project, as a step of history."""

import pytest

from ifc_core.annotation import Project, ProjectReader, StagedInstance, StagedMask
from ifc_core.annotation.edits import AcceptRun, DeleteTracks, NewTrack, RefuseDivision
from ifc_core.annotation.refusals import RefusedDivision
from ifc_core.errors import EditError
from ifc_core.structures import FrameState, TrackState

from .conftest import box, state_of, video
from .test_edits import new_track


@pytest.fixture
def family(empty):
    """Tracks 1 on frames 0 to 3, 2 on 4 to 7 and 3 on 4 to 6."""
    for first, last, row in ((0, 3, 0), (4, 7, 6), (4, 6, 13)):
        new_track(empty, *((f, row, 2) for f in range(first, last + 1)))
    return empty


def shown(project, *places):
    return frozenset(project.mask(*place).id for place in places)


def none(project):
    """That track 1 did not divide into 2 and 3."""
    return RefusedDivision(1, (2, 3), 4, shown(project, (1, 3), (2, 4), (3, 4)))


def test_a_refusal_changes_no_mask_and_no_track(family):
    before = [(t, family.track_frames(t.id)) for t in family.tracks(1)]
    result = family.apply(RefuseDivision(1, (3, 2), 4))
    assert result.label == "No division of track 1, frame 4"
    assert not result.tracks
    assert result.runs_changed
    assert family.refused_divisions(1) == [none(family)]
    assert family.refused_divisions(2) == []
    assert [(t, family.track_frames(t.id)) for t in family.tracks(1)] == before
    assert family.mask(2, 4).state is FrameState.CORRECTED
    assert family.check() == []


def test_it_is_taken_back_given_again_and_outlives_a_restart(family):
    family.apply(RefuseDivision(1, (2, 3), 4))
    family.undo()
    assert family.refused_divisions(1) == []
    family.redo()
    family.compact(keep_edits=0)  # the journal forgets, the project does not
    folder, expected = family.folder, none(family)
    family.close()
    with Project.open(folder) as again:
        assert again.num_edits() == 0
        assert again.refused_divisions(1) == [expected]
        assert again.check() == []
        with ProjectReader.open(folder) as reader:
            assert reader.refused_divisions(1) == [expected]


def test_it_is_no_run_that_waits_for_a_decision(family):
    family.apply(RefuseDivision(1, (2, 3), 4))
    assert family.open_runs() == []
    family.undo()
    assert family.open_runs() == []
    assert len(family.runs()) == 1  # a redo gives it again
    family.apply(NewTrack(1, 1, 0, box(0, 0, 2, 2)))  # it can no longer be done again
    assert family.refused_divisions(1) == []
    assert family.runs() == []
    assert family.open_runs() == []
    assert family.check() == []


def test_one_that_was_taken_back_goes_alone(family):
    """Runs of other kinds are a record of what the model did, and stay."""
    family.finish_run(family.begin_run("propose", 1, {}))
    family.apply(RefuseDivision(1, (2, 3), 4))
    kept = none(family)
    family.apply(RefuseDivision(1, (1, 3), 5))
    family.undo()
    family.apply(RefuseDivision(1, (1, 2), 6))
    assert [run.kind for run in family.runs()].count("no division") == 2
    assert len(family.runs()) == 3
    assert kept in family.refused_divisions(1)
    family.undo()
    family.undo()
    family.redo()
    assert family.refused_divisions(1) == [kept]


def test_what_it_says_of_tracks_that_do_not_fit_is_refused(family):
    second = family.add_video(video("other", fingerprint="2-b"))
    far = family.apply(NewTrack(second, 1, 0, box(0, 0, 2, 2))).tracks_added[0]
    before = state_of(family)
    for daughters, words in (((1,), "begins later"), ((2, far), "one video"), ((2, 99), "99")):
        with pytest.raises(EditError, match=words):
            family.apply(RefuseDivision(1, daughters, 4))
    assert state_of(family) == before
    assert family.runs() == []


def test_a_damaged_one_is_asked_about_again(family):
    family.apply(RefuseDivision(1, (2, 3), 4))
    family.apply(RefuseDivision(1, (1, 3), 5))
    other = RefusedDivision(1, (1, 3), 5, shown(family, (1, 3), (3, 5)))
    assert family.refused_divisions(1) == [none(family), other]
    wrong = '{"parent": "1", "daughters": [2], "frame": 4, "masks": []}'
    for settings in ('{"parent": 1}', "[]", wrong, wrong.replace('"1"', "1").replace("[]", "4")):
        family._db.execute("UPDATE runs SET settings = ? WHERE id = 1", (settings,))
        assert family.refused_divisions(1) == [other]


def test_proposing_and_deleting_go_on_beside_it(family):
    family.apply(RefuseDivision(1, (2, 3), 4))
    run = family.begin_run("propose", 1, {})
    family.stage(run, 9, [StagedMask(0, box(0, 0, 3, 3), 0.9)])
    family.stage_instances(run, [StagedInstance(0, "cell", 0.9)])
    family.finish_run(run)
    family.apply(AcceptRun(run))
    expected = none(family)
    family.apply(DeleteTracks((2,)))
    assert family.refused_divisions(1) == [expected]
    assert {t.state for t in family.tracks(1)} == {TrackState.CORRECTED, TrackState.PROPOSED}
    assert family.check() == []
