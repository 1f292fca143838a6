"""The tracks of one video as the table and the timeline show them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ifc_core.annotation import EditResult, FrameColumns, ProjectReader, Scope
from ifc_core.structures import Track, TrackState
from napari_ifc.controllers.kinship import Kinship
from napari_ifc.controllers.track_frames import (
    MaskCounts,
    TrackFrames,
    read_frames,
    runs_of,
)
from napari_ifc.controllers.track_look import is_region, own_color
from napari_ifc.language import tr
from napari_ifc.rows import Lane, TimelineData, TrackRow

AT_ONCE = 60_000
"""Up to so many (track, frame) pairs are read at once; more are read by a worker."""
_SPLICE = 2_000  # frames of a track that are read again rather than all of it
_NOTHING = TrackFrames.of(FrameColumns.empty())


class TrackIndex:
    """Headers and frame states of all tracks, kept current from edit results.

    Only what an edit changed is read again, so that a stroke among hundreds of tracks costs
    one small query. A video with very many masks is not read here: ``is_loaded`` is False
    until :meth:`take` got what a worker read; headers and edits work meanwhile. So it is after
    an edit that changes very many masks at once.

    Args:
        project: Where to read.
        video_id: The video.

    Attributes:
        kinship: Which tracks divided into which.
        is_loaded: Whether the frames of all tracks have been read.
        generation: Counts how often everything had to be read again.
    """

    def __init__(self, project: ProjectReader, video_id: int) -> None:
        self._project = project
        self._video_id = video_id
        self._tracks: dict[int, Track] = {}
        self._frames: dict[int, TrackFrames] = {}
        self._lanes: dict[int, Lane] = {}
        self._rows: dict[int, TrackRow] = {}
        self._classes: dict[int, str] = {}
        self.kinship = Kinship()
        self._exhaustive: list[int] = []
        self._approved: tuple[tuple[int, int], ...] = ()
        self._since_reload: set[int] = set()
        self._step = 1
        self._counts = MaskCounts(0)
        self.is_loaded = False
        self.generation = 0
        self.reload()

    def reload(self) -> None:
        """Read everything again; of a video with very many masks only the headers."""
        self.generation += 1
        entry = self._project.video(self._video_id)
        self._step = entry.annotation_step
        self._counts = MaskCounts(entry.num_frames)
        self._load_headers()
        self._load_exhaustive()
        self._frames.clear()
        self._forget_shown()
        self._since_reload.clear()
        self.is_loaded = not self._project.has_more_frames_than(self._video_id, AT_ONCE)
        if self.is_loaded:
            self.take(read_frames(self._project, self._video_id))

    def take(self, frames: Mapping[int, TrackFrames]) -> None:
        """Take what a worker read; tracks that were edited meanwhile are kept as they are.

        Args:
            frames: What :func:`read_frames` gave.
        """
        for track_id, track in frames.items():
            if track_id in self._tracks and track_id not in self._since_reload:
                self._frames[track_id] = track
        self._forget_shown()
        self._counts = MaskCounts(len(self._counts.shown))
        for track in self._frames.values():
            self._counts.add(track)
        self.is_loaded = True

    def apply(self, result: EditResult) -> None:
        """Take in what an edit, undo or redo changed."""
        if sum(map(len, result.changed_frames.values())) > AT_ONCE:
            self.reload()
            return
        tracks = (result.tracks_added, result.tracks_removed, result.tracks_changed)
        if any(tracks) or result.categories_changed:
            self._load_headers()
        if result.categories_changed:
            self._forget_shown()
        if self._video_id in result.reviewed_frames:
            self._load_exhaustive()
        if self._video_id in result.videos_changed:
            self._take_step()
        for track_id in result.tracks:
            self._lanes.pop(track_id, None)
            self._rows.pop(track_id, None)
        shown = {*result.changed_frames, *result.tracks_added, *result.tracks_removed}
        shown |= {i for i in result.tracks_changed if i in self._tracks and i not in self._frames}
        shown |= {i for i in self._frames if i not in self._tracks}
        for track_id in shown:
            self._renew(track_id, result.changed_frames.get(track_id, ()))

    def _take_step(self) -> None:
        """Join spans anew where the video is annotated every so many frames now."""
        videos = self._project.videos()
        step = next((v.annotation_step for v in videos if v.id == self._video_id), self._step)
        if step != self._step:
            self._step = step
            self._frames = {i: TrackFrames.of(f.columns, step) for i, f in self._frames.items()}
            self._forget_shown()

    def _forget_shown(self) -> None:
        """Lanes and rows are made anew when they are asked for."""
        self._lanes.clear()
        self._rows.clear()

    def _renew(self, track_id: int, frames: Sequence[int]) -> None:
        self._since_reload.add(track_id)
        old = self._frames.pop(track_id, None)
        if old is not None:
            self._counts.add(old, -1)
        if track_id not in self._tracks:
            return
        if old is not None and len(frames) and frames[-1] - frames[0] < _SPLICE:
            first, last = int(frames[0]), int(frames[-1])
            fresh = self._project.track_columns(track_id, Scope(first, last))
            columns = old.columns.spliced(first, last, fresh)
        else:
            columns = self._project.track_columns(track_id)
        new = TrackFrames.of(columns, self._step)
        self._counts.add(new)
        self._frames[track_id] = new

    def _load_headers(self) -> None:
        tracks = self._project.tracks(self._video_id, include_rejected=False)
        self._tracks = {track.id: track for track in sorted(tracks, key=lambda t: t.id)}
        self._classes = {c.id: c.name for c in self._project.categories()}
        before, self.kinship = self.kinship, Kinship(self._tracks.values())
        for track_id in self.kinship.changed(before):
            self._lanes.pop(track_id, None)
            self._rows.pop(track_id, None)

    def _load_exhaustive(self) -> None:
        self._exhaustive = self._project.exhaustive_frames(self._video_id)
        self._approved = tuple(runs_of(self._exhaustive))

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

    def frames(self, track_id: int) -> TrackFrames:
        """What a track shows; nothing for one that is not known."""
        return self._frames.get(track_id, _NOTHING)

    def masked_frames(self, track_id: int) -> list[int]:
        """Frames on which a track has a mask, sorted."""
        return [int(f) for f in self.frames(track_id).masked]

    def has_mask_within(self, track_id: int, frames: range) -> bool:
        """Whether a track has a mask on one of the frames, which follow each other."""
        masked = self.frames(track_id).masked
        return bisect_left(masked, frames.start) < bisect_left(masked, frames.stop)

    def nearest_frame(self, track_id: int, frame_index: int) -> int | None:
        """The frame with a mask that lies nearest, or ``None`` where there is none."""
        frames = self.frames(track_id).masked
        if not len(frames):
            return None
        place = bisect_left(frames, frame_index)
        near = frames[max(0, place - 1) : place + 1].tolist()
        return int(min(near, key=lambda f: (abs(f - frame_index), f)))

    def busiest_frame(self) -> int:
        """The first of the frames with the most masks."""
        shown = self._counts.shown
        return int(np.argmax(shown)) if len(shown) else 0

    def rows(self) -> list[TrackRow]:
        """Lines of the table, by id."""
        return [self._row(track) for track in self._tracks.values()]

    def _row(self, track: Track) -> TrackRow:
        row = self._rows.get(track.id)
        if row is None:
            row = self._rows[track.id] = self._new_row(track)
        return row

    def _new_row(self, track: Track) -> TrackRow:
        frames = self.frames(track.id).masked
        return TrackRow(
            track_id=track.id,
            color_rgb=own_color(track),
            class_name=self.class_name(track.id),
            score=track.score,
            num_frames=len(frames),
            first_frame=int(frames[0]) if len(frames) else None,
            last_frame=int(frames[-1]) if len(frames) else None,
            state=self._state_word(track),
            parent_id=self.kinship.parent(track.id),
            daughter_ids=self.kinship.daughters(track.id),
            name=track.name,
            is_region=is_region(track),
        )

    def _state_word(self, track: Track) -> str:
        """How far the review of a track is; of a region, that it is one.

        A track that was named, classed, split or merged is no mere proposal, though no mask of it
        need be a person's.
        """
        if is_region(track):
            return tr("ignored")
        frames = self._frames.get(track.id)
        if track.state is TrackState.CORRECTED and frames is not None and not frames.is_touched:
            return tr("edited")
        return tr(track.state.value)

    def timeline(
        self, num_frames: int, fps: float, provisional: Sequence[Lane] = ()
    ) -> TimelineData:
        """What the timeline draws.

        Args:
            num_frames: Frames of the video that can be read.
            fps: Frames per second.
            provisional: Lanes of a run in progress, put below the others.
        """
        lanes = tuple(self._lane(self._tracks[i]) for i in self.kinship.in_order())
        return TimelineData(
            num_frames=num_frames,
            fps=fps,
            lanes=(*lanes, *provisional),
            counts=self._counts.shown[:num_frames].copy(),
            doubtful=self._counts.doubtful[:num_frames].copy(),
            approved=self._approved,
            loading=not self.is_loaded,
        )

    def _lane(self, track: Track) -> Lane:
        lane = self._lanes.get(track.id)
        if lane is None:
            frames, parent_id = self.frames(track.id), self.kinship.parent(track.id)
            words = [self.class_name(track.id), self._state_word(track)]
            if track.name:
                words.insert(0, track.name)
            if parent_id is not None:
                words.append(tr("from {parent_id}").format(parent_id=parent_id))
            lane = Lane(
                track.id,
                own_color(track),
                str(track.id),
                frames.spans,
                frames.keyframes,
                frames.doubt_frames,
                frames.doubt,
                ", ".join(words),
                parent_id,
                track.name,
            )
            self._lanes[track.id] = lane
        return lane

    def events(self, track_ids: Iterable[int] = ()) -> npt.NDArray[np.int32]:
        """Frames where something begins, ends or changes its state, sorted.

        Args:
            track_ids: Only these tracks; all of them if empty.
        """
        chosen = tuple(track_ids) or tuple(self._tracks)
        spans = [self.frames(track_id).spans for track_id in chosen]
        marks = [part for s in spans for part in (s.start, s.stop - np.int32(1))]
        return np.unique(np.concatenate(marks)) if marks else np.zeros(0, dtype=np.int32)

    def track_ids(self) -> tuple[int, ...]:
        """All tracks by id, rejected ones left out."""
        return tuple(self._tracks)

    @property
    def approved_frames(self) -> int:
        """How many frames are approved as exhaustive."""
        return len(self._exhaustive)

    def is_approved(self, first: int, last: int) -> bool:
        """Whether every frame from ``first`` to ``last``, included, is approved as exhaustive."""
        return any(start <= first and last < stop for start, stop in self._approved)

    @property
    def approved_tracks(self) -> int:
        """How many tracks are approved as a whole."""
        return sum(t.state is TrackState.APPROVED for t in self._tracks.values())

    @property
    def has_human_work(self) -> bool:
        """Whether anything was corrected, approved or marked absent."""
        return any(track.is_touched for track in self._frames.values())
