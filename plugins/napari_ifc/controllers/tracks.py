"""The tracks of one video as the table and the timeline show them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

import numpy as np

from ifc_core.annotation import EditResult, ProjectReader, TrackFrame
from ifc_core.structures import FrameState, MaskSource, Track
from napari_ifc.rows import Lane, Span, SpanKind, TimelineData, TrackRow

_KINDS = {
    FrameState.PROPOSED: SpanKind.PROPOSED,
    FrameState.CORRECTED: SpanKind.CORRECTED,
    FrameState.APPROVED: SpanKind.APPROVED,
    FrameState.REJECTED: SpanKind.REJECTED,
    FrameState.ABSENT: SpanKind.ABSENT,
}


class TrackIndex:
    """Headers and frame states of all tracks, kept current from edit results.

    Only what an edit changed is read again, so that a stroke among hundreds of tracks costs
    one small query.

    Args:
        project: Where to read.
        video_id: The video.
    """

    def __init__(self, project: ProjectReader, video_id: int) -> None:
        self._project = project
        self._video_id = video_id
        self._tracks: dict[int, Track] = {}
        self._frames: dict[int, list[TrackFrame]] = {}
        self._masked: dict[int, list[int]] = {}
        self._lanes: dict[int, Lane] = {}
        self._classes: dict[int, str] = {}
        self._exhaustive: list[int] = []
        self._step = 1
        self.reload()

    def reload(self) -> None:
        """Read everything again."""
        self._step = self._project.video(self._video_id).annotation_step
        self._load_headers()
        self._frames = {
            track_id: frames
            for track_id, frames in self._project.timeline(self._video_id).items()
            if track_id in self._tracks
        }
        self._masked.clear()
        self._lanes.clear()

    def apply(self, result: EditResult) -> None:
        """Take in what an edit, undo or redo changed."""
        self._load_headers()
        for track_id in result.tracks:
            self._masked.pop(track_id, None)
            self._lanes.pop(track_id, None)
            if track_id in self._tracks:
                self._frames[track_id] = self._project.track_frames(track_id)
            else:
                self._frames.pop(track_id, None)

    def _load_headers(self) -> None:
        tracks = self._project.tracks(self._video_id, include_rejected=False)
        self._tracks = {track.id: track for track in sorted(tracks, key=lambda t: t.id)}
        self._classes = {c.id: c.name for c in self._project.categories()}
        self._exhaustive = self._project.exhaustive_frames(self._video_id)

    def __contains__(self, track_id: int) -> bool:
        return track_id in self._tracks

    def __len__(self) -> int:
        return len(self._tracks)

    def header(self, track_id: int) -> Track:
        """Header of a track."""
        return self._tracks[track_id]

    def class_name(self, track_id: int) -> str:
        """Name of a track's class."""
        return self._classes.get(self._tracks[track_id].category_id, "?")

    def masked_frames(self, track_id: int) -> list[int]:
        """Frames on which a track has a mask, sorted."""
        if track_id not in self._masked:
            frames = self._frames.get(track_id, [])
            self._masked[track_id] = sorted(
                f.frame_index
                for f in frames
                if f.area_px > 0 and f.state not in (FrameState.ABSENT, FrameState.REJECTED)
            )
        return self._masked[track_id]

    def nearest_frame(self, track_id: int, frame_index: int) -> int | None:
        """The frame with a mask that lies nearest, or ``None`` where there is none."""
        frames = self.masked_frames(track_id)
        if not frames:
            return None
        place = bisect_left(frames, frame_index)
        near = frames[max(0, place - 1) : place + 1]
        return min(near, key=lambda f: (abs(f - frame_index), f))

    def rows(self) -> list[TrackRow]:
        """Lines of the table, by id."""
        return [self._row(track) for track in self._tracks.values()]

    def _row(self, track: Track) -> TrackRow:
        frames = self.masked_frames(track.id)
        return TrackRow(
            track_id=track.id,
            color_rgb=track.color_rgb,
            class_name=self.class_name(track.id),
            score=track.score,
            num_frames=len(frames),
            first_frame=frames[0] if frames else None,
            last_frame=frames[-1] if frames else None,
            state=str(track.state.value),
        )

    def timeline(
        self, num_frames: int, fps: float, provisional: Sequence[Lane] = ()
    ) -> TimelineData:
        """What the timeline draws.

        Args:
            num_frames: Frames of the video.
            fps: Frames per second.
            provisional: Lanes of a run in progress, put below the others.
        """
        counts = np.zeros(num_frames, dtype=np.int64)
        for track_id in self._tracks:
            frames = np.asarray(self.masked_frames(track_id), dtype=np.int64)
            counts[frames[frames < num_frames]] += 1
        lanes = tuple(self._lane(track) for track in self._tracks.values())
        return TimelineData(
            num_frames=num_frames,
            fps=fps,
            lanes=(*lanes, *provisional),
            counts=tuple(int(c) for c in counts),
            approved=tuple(runs_of(self._exhaustive)),
        )

    def _lane(self, track: Track) -> Lane:
        lane = self._lanes.get(track.id)
        if lane is None or lane.color_rgb != track.color_rgb:
            spans = tuple(spans_of(self._frames.get(track.id, []), self._step))
            lane = Lane(track.id, track.color_rgb, str(track.id), spans)
            self._lanes[track.id] = lane
        return lane

    def events(self, track_ids: Iterable[int] = ()) -> list[int]:
        """Frames where something begins, ends or changes its state, sorted.

        Args:
            track_ids: Only these tracks; all of them if empty.
        """
        chosen = tuple(track_ids) or tuple(self._tracks)
        marks: set[int] = set()
        for track_id in chosen:
            for span in self._lane(self._tracks[track_id]).spans:
                marks.update((span.start, span.stop - 1))
        return sorted(marks)

    @property
    def approved_frames(self) -> int:
        """How many frames are approved as exhaustive."""
        return len(self._exhaustive)

    @property
    def has_human_work(self) -> bool:
        """Whether anything was corrected, approved or marked absent."""
        human = (FrameState.CORRECTED, FrameState.APPROVED, FrameState.ABSENT)
        return any(f.state in human for frames in self._frames.values() for f in frames)


def spans_of(frames: Sequence[TrackFrame], step: int = 1) -> list[Span]:
    """Join neighbouring frames of one kind.

    Args:
        frames: Frames of one track.
        step: Frames at most this far apart are neighbours.
    """
    spans: list[Span] = []
    for frame in sorted(frames, key=lambda f: f.frame_index):
        kind = _kind(frame)
        index = frame.frame_index
        if spans and spans[-1].kind is kind and index - (spans[-1].stop - 1) <= step:
            spans[-1] = Span(spans[-1].start, index + 1, kind)
        else:
            spans.append(Span(index, index + 1, kind))
    return spans


def _kind(frame: TrackFrame) -> SpanKind:
    if frame.state is FrameState.PROPOSED and frame.source is MaskSource.DERIVED:
        return SpanKind.DERIVED
    if frame.state is FrameState.PROPOSED and frame.source is MaskSource.HUMAN:
        return SpanKind.CORRECTED
    return _KINDS[frame.state]


def runs_of(indices: Sequence[int]) -> list[tuple[int, int]]:
    """Join neighbouring numbers: (first, one past the last) of each run."""
    runs: list[tuple[int, int]] = []
    for index in indices:
        if runs and runs[-1][1] == index:
            runs[-1] = (runs[-1][0], index + 1)
        else:
            runs.append((index, index + 1))
    return runs
