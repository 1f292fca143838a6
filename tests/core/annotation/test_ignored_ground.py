"""Regions to ignore: a run's results that lie mostly in one are left out, the region stays."""

import pytest

from ifc_core.annotation import Scope
from ifc_core.annotation.edits import MarkAbsent, NewTrack, RejectTracks, SetMask, SetTrack
from ifc_core.annotation.ignored_ground import IgnoredGround
from ifc_core.structures import TrackKind, TrackState

from .conftest import box, state_of
from .test_proposing_again import ALL, boxes, places, propose, still

STAND = box(0, 0, 9, 14)  # where spectators are
IN_IT, PARTLY_IN, OUTSIDE = (1, 2), (5, 11), (14, 20)


@pytest.fixture
def stand(empty):
    """The project with a region to ignore, outlined on frame 0 alone."""
    (region,) = empty.apply(NewTrack(1, 1, 0, STAND, kind=TrackKind.IGNORE)).tracks_added
    return empty, region


def test_what_lies_mostly_in_a_region_is_left_out_on_every_frame(stand):
    project, region = stand
    result = propose(project, still(IN_IT), still(PARTLY_IN), still(OUTSIDE))
    assert result.note == "Instances that lie mostly in regions to ignore were left out: 1."
    found = [places(project, i) for i in result.tracks_added]
    assert found == [boxes(still(PARTLY_IN)), boxes(still(OUTSIDE))]
    assert places(project, region) == {0: STAND}
    again = propose(project, still(IN_IT), still((2, 3)), still(OUTSIDE))
    assert again.note == "Instances that lie mostly in regions to ignore were left out: 2."


@pytest.mark.parametrize("kind", [TrackKind.IGNORE, TrackKind.CROWD])
def test_an_instance_that_covers_a_region_neither_fills_nor_doubles_it(empty, kind):
    (region,) = empty.apply(NewTrack(1, 1, 0, box(*IN_IT), kind=kind)).tracks_added
    result = propose(empty, still(IN_IT))
    assert not result.tracks_added
    assert places(empty, region) == {0: box(*IN_IT)}


def test_a_track_of_proposals_that_was_made_a_region_stays_and_can_be_an_object_again(empty):
    parked, moving = propose(empty, still(IN_IT), still(OUTSIDE)).tracks_added
    before = state_of(empty)
    empty.apply(SetTrack(parked, kind=TrackKind.IGNORE))
    assert empty.track(parked).kind is TrackKind.IGNORE
    result = propose(empty, still((1, 3)), still(OUTSIDE))
    assert places(empty, parked) == boxes(still(IN_IT))
    assert [places(empty, i) for i in result.tracks_added] == [boxes(still(OUTSIDE))]
    assert moving not in {track.id for track in empty.tracks(1)}
    empty.undo()
    empty.apply(SetTrack(parked, kind=TrackKind.OBJECT))
    assert empty.track(parked).kind is TrackKind.OBJECT
    empty.undo()
    empty.undo()
    after = state_of(empty)
    assert after.pop("runs") != before.pop("runs")  # the second run is there, not accepted
    assert after == before


def test_the_nearest_mask_holds_where_a_region_has_none_unless_it_is_marked_absent(stand):
    project, region = stand
    project.apply(SetMask(region, 8, box(11, 16, 9, 14)))  # the camera turned to the other side
    there = {f: (1, 2) if f < 4 else (14, 20) for f in ALL}
    left_out = propose(project, there)
    assert not left_out.tracks_added
    project.undo()
    project.apply(MarkAbsent(region, Scope(5, 7)))
    (kept,) = propose(project, dict.fromkeys(range(4, 8), (14, 20))).tracks_added
    assert len(places(project, kept)) == 4


def test_rejected_regions_and_other_videos_hide_nothing(stand):
    project, region = stand
    project.apply(RejectTracks((region,)))
    assert project.track(region).state is TrackState.REJECTED
    assert propose(project, still((4, 8))).tracks_added
    ground = []
    real = IgnoredGround.__init__

    def note(self, tx, video_id):
        real(self, tx, video_id)
        ground.append(self.track_ids)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(IgnoredGround, "__init__", note)
        run_id = project.begin_run("propose", 2, {})
        project.finish_run(run_id)
        from ifc_core.annotation.edits import AcceptRun

        project.apply(AcceptRun(run_id))
    assert ground == [frozenset()]


def test_only_a_sample_of_a_long_instance_is_read(stand, monkeypatch):
    from ifc_core.annotation import ignored_ground

    monkeypatch.setattr(ignored_ground, "_MAX_FRAMES", 3)
    project, _ = stand
    assert not propose(project, still(IN_IT)).tracks_added
