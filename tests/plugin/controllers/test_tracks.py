import itertools

import numpy as np
import pytest
from fake_engine import NUM_FRAMES, SIZE, disc
from hypothesis import given
from hypothesis import strategies as st

from ifc_core.annotation import (
    FrameColumns,
    ProjectReader,
    Scope,
    StagedInstance,
    StagedMask,
    edits,
)
from ifc_core.annotation.schema import SOURCE_CODE, STATE_CODE
from ifc_core.structures import Category, FrameState, MaskSource
from napari_ifc.controllers import tracks
from napari_ifc.controllers.track_frames import read_frames, runs_of, spans_of
from napari_ifc.controllers.tracks import TrackIndex
from napari_ifc.rows import Span, SpanKind


def columns(*frames):
    """Columns of (frame index, state, source), each with an area of 10 pixels."""
    table = np.array(
        [(i, STATE_CODE[state], SOURCE_CODE[source]) for i, state, source in frames]
    ).reshape(-1, 3)
    unknown = np.full(len(table), np.nan, dtype=np.float32)
    return FrameColumns(
        table[:, 0].astype(np.int32),
        np.arange(len(table)),
        table[:, 1].astype(np.uint8),
        table[:, 2].astype(np.uint8),
        np.full(len(table), 10, dtype=np.int32),
        unknown,
        unknown,
        unknown,
    )


def frame(index, state=FrameState.PROPOSED, source=MaskSource.MODEL):
    return (index, state, source)


def test_spans_join_neighbours_of_one_kind():
    frames = columns(
        frame(0),
        frame(1),
        frame(2, FrameState.CORRECTED),
        frame(5),
        frame(6, source=MaskSource.DERIVED),
        frame(7, FrameState.ABSENT),
    )
    spans = spans_of(frames)
    assert list(spans) == [
        Span(0, 2, SpanKind.PROPOSED),
        Span(2, 3, SpanKind.CORRECTED),
        Span(5, 6, SpanKind.PROPOSED),
        Span(6, 7, SpanKind.DERIVED),
        Span(7, 8, SpanKind.ABSENT),
    ]
    assert spans.at(2) == Span(2, 3, SpanKind.CORRECTED)
    assert spans.at(3) is None
    wide = spans_of(columns(frame(0), frame(5), frame(10)), step=5)
    assert list(wide) == [Span(0, 11, SpanKind.PROPOSED)]
    assert list(spans_of(columns())) == []


@given(st.sets(st.integers(0, 60)))
def test_runs_cover_exactly_the_numbers(numbers):
    runs = runs_of(sorted(numbers))
    assert {i for start, stop in runs for i in range(start, stop)} == numbers
    assert all(b[0] > a[1] for a, b in itertools.pairwise(runs))


@pytest.fixture
def filled(session):
    """A project with two tracks: on frames 2 and 3, and on 5."""
    project, entry = session.project, session.entry
    project.apply(edits.SetCategory(Category(1, "fish")))
    first = project.apply(edits.NewTrack(entry.id, 1, 2, disc(SIZE, (20, 20), 5)))
    (one,) = first.tracks_added
    project.apply(edits.SetMask(one, 3, disc(SIZE, (20, 22), 5)))
    second = project.apply(edits.NewTrack(entry.id, 1, 5, disc(SIZE, (30, 40), 6)))
    (two,) = second.tracks_added
    return session, one, two


def test_rows_and_timeline_tell_what_is_there(filled):
    session, one, two = filled
    index = TrackIndex(session.project, session.entry.id)
    first, second = index.rows()
    assert (first.track_id, first.class_name, first.num_frames) == (one, "fish", 2)
    assert (first.first_frame, first.last_frame) == (2, 3)
    assert (second.track_id, second.num_frames) == (two, 1)
    data = index.timeline(NUM_FRAMES, 25.0)
    assert data.counts.tolist() == [0, 0, 1, 1, 0, 1, 0, 0, 0, 0]
    assert index.busiest_frame() == 2
    assert [lane.track_id for lane in data.lanes] == [one, two]
    assert index.nearest_frame(one, 9) == 3
    assert index.nearest_frame(one, 0) == 2
    assert index.events((one,)).tolist() == [2, 3]


def plain(data):
    """A timeline as values that can be compared."""
    lanes = [
        (lane.track_id, lane.label, lane.detail, list(lane.spans), lane.keyframes.tolist())
        for lane in data.lanes
    ]
    return lanes, data.counts.tolist(), data.doubtful.tolist(), data.approved, data.loading


def test_a_large_video_is_read_by_a_worker_and_edits_meanwhile_are_kept(filled, monkeypatch):
    session, one, two = filled
    project, video_id = session.project, session.entry.id
    expected = plain(TrackIndex(project, video_id).timeline(NUM_FRAMES, 25.0))
    monkeypatch.setattr(tracks, "AT_ONCE", 1)
    index = TrackIndex(project, video_id)
    assert not index.is_loaded
    assert index.timeline(NUM_FRAMES, 25.0).loading
    assert [row.track_id for row in index.rows()] == [one, two]
    with ProjectReader.open(project.folder) as reader:
        read = read_frames(reader, video_id)
    index.apply(project.apply(edits.MarkAbsent(one, Scope.this_frame(2))))
    index.take(read)
    assert index.is_loaded
    assert index.masked_frames(one) == [3]
    index.apply(project.undo())
    assert plain(index.timeline(NUM_FRAMES, 25.0)) == expected


def test_an_edit_of_very_many_masks_is_read_by_a_worker_as_well(filled, monkeypatch):
    session, one, two = filled
    project, video_id = session.project, session.entry.id
    index = TrackIndex(project, video_id)
    monkeypatch.setattr(tracks, "AT_ONCE", 2)
    monkeypatch.setattr(project, "track_columns", lambda *args: pytest.fail("read in the window"))
    before = index.generation
    index.apply(project.apply(edits.ApproveTracks((one, two))))
    assert not index.is_loaded
    assert index.generation > before
    assert index.approved_tracks == 2  # headers are known at once
    with ProjectReader.open(project.folder) as reader:
        index.take(read_frames(reader, video_id))
    monkeypatch.undo()
    fresh = TrackIndex(project, video_id)
    assert plain(index.timeline(NUM_FRAMES, 25.0)) == plain(fresh.timeline(NUM_FRAMES, 25.0))
    assert index.rows() == fresh.rows()


def test_index_follows_edits_as_a_fresh_one_would(filled):
    session, one, two = filled
    project, video_id = session.project, session.entry.id
    index = TrackIndex(project, video_id)
    steps = [
        lambda: project.apply(edits.MarkAbsent(one, Scope.this_frame(4))),
        lambda: project.apply(edits.ApproveFrames(video_id, Scope.this_frame(5))),
        lambda: project.apply(edits.SplitTrack(one, 3)),
        lambda: project.apply(edits.MergeTracks(one, (two,))),
        lambda: project.apply(edits.DeleteTracks((one,))),
        project.undo,
        project.undo,
        project.redo,
        project.undo,
        project.undo,
    ]
    for step in steps:
        index.apply(step())
        fresh = TrackIndex(project, video_id)
        assert index.rows() == fresh.rows()
        assert plain(index.timeline(NUM_FRAMES, 25.0)) == plain(fresh.timeline(NUM_FRAMES, 25.0))
        assert index.approved_frames == fresh.approved_frames


def test_spans_are_joined_anew_where_every_few_frames_are_annotated(filled):
    session, _, two = filled
    project, video_id = session.project, session.entry.id
    project.apply(edits.SetMask(two, NUM_FRAMES - 1, disc(SIZE, (20, 20), 5)))
    index = TrackIndex(project, video_id)
    before = plain(index.timeline(NUM_FRAMES, 25.0))
    index.apply(project.apply(edits.SetVideo(video_id, annotation_step=NUM_FRAMES)))
    now = plain(index.timeline(NUM_FRAMES, 25.0))
    assert now == plain(TrackIndex(project, video_id).timeline(NUM_FRAMES, 25.0)) != before


def test_a_deleted_track_is_gone_and_has_no_frames(filled):
    session, one, _ = filled
    index = TrackIndex(session.project, session.entry.id)
    index.apply(session.project.apply(edits.DeleteTracks((one,))))
    assert one not in index
    assert len(index) == 1
    assert np.sum(index.timeline(NUM_FRAMES, 25.0).counts) == 1


@pytest.fixture
def offered(session):
    """Two proposed tracks with a mask on each frame, and the ids that they got."""
    project, entry = session.project, session.entry
    run = project.begin_run("propose", entry.id, {}, "")
    for frame_index in range(NUM_FRAMES):
        rles = [disc(SIZE, (12 + 20 * i, 20 + frame_index), 6) for i in range(2)]
        staged = [StagedMask(i, rle, 0.9, 0.05) for i, rle in enumerate(rles)]
        project.stage(run, frame_index, staged)
    project.stage_instances(run, [StagedInstance(i, "fish", 0.9) for i in range(2)])
    project.finish_run(run)
    return session, project.apply(edits.AcceptRun(run)).tracks_added


def test_a_track_is_called_corrected_only_where_a_mask_of_it_is(offered):
    session, (one, two) = offered
    project, index = session.project, TrackIndex(session.project, session.entry.id)

    def words(edit=None):
        if edit is not None:
            index.apply(project.apply(edit))
        data = index.timeline(NUM_FRAMES, 25.0)
        rows = {row.track_id: row.state for row in index.rows()}
        assert all(lane.detail.endswith(rows[lane.track_id]) for lane in data.lanes)
        return rows

    assert words() == {one: "proposed", two: "proposed"}
    assert words(edits.SetTrack(one, name="Nemo"))[one] == "edited"
    parted = words(edits.SplitTrack(two, 5))
    assert sorted(parted.values()) == ["edited"] * 3
    (late,) = parted.keys() - {one, two}
    assert words(edits.MergeTracks(two, (late,))) == {one: "edited", two: "edited"}
    assert words(edits.MarkAbsent(two, Scope.this_frame(4)))[two] == "corrected"
    drawn = edits.SetMask(one, 3, disc(SIZE, (12, 24), 7))
    assert words(drawn)[one] == "corrected"
    assert words(edits.ApproveTracks((one,)))[one] == "approved"
    index.apply(project.undo())
    index.apply(project.undo())
    assert words()[one] == "edited"


def test_a_track_whose_frames_are_not_read_yet_is_not_called_edited(offered, monkeypatch):
    session, (one, _) = offered
    session.project.apply(edits.SetMask(one, 3, disc(SIZE, (12, 24), 7)))
    monkeypatch.setattr(tracks, "AT_ONCE", 1)
    index = TrackIndex(session.project, session.entry.id)
    assert not index.is_loaded
    assert index.rows()[0].state == "corrected"
