"""Which frames, tracks and masks of a project an export covers, and what it leaves out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from ifc_core.annotation.folder_names import folder_name
from ifc_core.annotation.frame_columns import FrameColumns
from ifc_core.annotation.reading import ProjectReader
from ifc_core.annotation.records import WHOLE, Scope, VideoEntry
from ifc_core.annotation.schema import FRAME_STATES, STATE_CODE
from ifc_core.structures import FrameState, MaskRecord, Track, TrackKind, TrackState

_PROPOSED = STATE_CODE[FrameState.PROPOSED]
_ABSENT = STATE_CODE[FrameState.ABSENT]
# A rejected mask says what the object is not; whether it is there stays open.
_CORRECTED_OR_APPROVED = (STATE_CODE[FrameState.CORRECTED], STATE_CODE[FrameState.APPROVED])
_APPROVED = (STATE_CODE[FrameState.APPROVED],)
_FEWEST_STEPPED = 4  # masks from which on their distances say that every n-th frame was meant

_Flags = npt.NDArray[np.bool_]


class ExportScope(StrEnum):
    """Which frames go into an export."""

    REVIEWED = "reviewed"  # frames reviewed for every exported track (the default)
    APPROVED = "approved"  # frames where every exported track is approved
    EVERYTHING = "everything"  # proposals too


@dataclass(frozen=True, slots=True)
class Criteria:
    """What an export asks for.

    Attributes:
        scope: Which frames.
        category_ids: Only these classes, or ``None`` for all.
        frame_step: Every n-th frame.
        frame_scope: Only these frames.
        approved_tracks_only: Only tracks that were approved as a whole.
        objects_only: No crowds and no regions to ignore.
        by_mask: Each mask is chosen by itself, since what is written claims nothing of objects
            without one: a table of masks, or a film.
    """

    scope: ExportScope = ExportScope.REVIEWED
    category_ids: Collection[int] | None = None
    frame_step: int = 1
    frame_scope: Scope = WHOLE
    approved_tracks_only: bool = False
    objects_only: bool = False
    by_mask: bool = False

    @property
    def states(self) -> tuple[int, ...]:
        """Of masks that count as reviewed."""
        return _APPROVED if self.scope is ExportScope.APPROVED else _CORRECTED_OR_APPROVED

    @property
    def is_everything(self) -> bool:
        """Whether proposals are exported too."""
        return self.scope is ExportScope.EVERYTHING

    def is_meant(self, track: Track) -> bool:
        """Whether a track is not rejected, and of a wanted class."""
        in_class = self.category_ids is None or track.category_id in self.category_ids
        return in_class and track.state is not TrackState.REJECTED

    def takes(self, track: Track, lane: FrameColumns) -> bool:
        """Whether a track is exported."""
        if not self.is_meant(track):
            return False
        if self.approved_tracks_only and track.state is not TrackState.APPROVED:
            return False
        if self.objects_only and track.kind is not TrackKind.OBJECT:
            return False
        own = self.states if self.scope is ExportScope.APPROVED else (*self.states, _ABSENT)
        return self.is_everything or bool(np.isin(lane.state, own).any())


@dataclass(frozen=True, slots=True)
class WaitingTrack:
    """A track that keeps frames out of an export, since it is not reviewed there.

    Attributes:
        video: Name of its video.
        track_id: Its number.
        name: Its name, or "".
        frames: On how many of the frames it is not reviewed.
    """

    video: str
    track_id: int
    name: str
    frames: int


@dataclass(frozen=True, slots=True)
class VideoSelection:
    """What is exported of one video.

    Attributes:
        video: The video.
        folder: Name of its frame folder, safe in any file system and unique in the export.
        frames: 0-based frames, ascending.
        tracks: Tracks, lowest z first.
        exhaustive: The approved ones among the frames.
        frames_left_out: Annotated frames that are not exported.
        tracks_left_out: Tracks that are not exported.
        states: Of the masks to show where each is chosen by itself, else ``None``.
        masks_left_out: Masks of the tracks that are not chosen, where each is chosen by itself.
        frames_waiting: Of the frames left out those that are reviewed for some of the tracks.
        waiting_for: The tracks that are not reviewed there, the one with the most frames first.
        incomplete: Approved ones among the frames with an object or a region that is left out. Of
            the tracks that are exported each is known there: one without a mask is absent.
    """

    video: VideoEntry
    folder: str
    frames: tuple[int, ...]
    tracks: tuple[Track, ...]
    exhaustive: frozenset[int]
    frames_left_out: int
    tracks_left_out: int
    states: frozenset[FrameState] | None = None
    masks_left_out: int = 0
    frames_waiting: int = 0
    waiting_for: tuple[WaitingTrack, ...] = ()
    incomplete: frozenset[int] = frozenset()

    def shows(self, record: MaskRecord) -> bool:
        """Whether a record on one of the frames is a mask to show; its track is asked apart."""
        if record.rle is None:
            return False
        if self.states is None or record.state in self.states:
            return True
        # What was proposed after its frame was approved is not what a person said.
        return record.state is not FrameState.PROPOSED and record.frame_index in self.exhaustive


@dataclass(slots=True)
class _Tally:
    """What is known of a video's frames, added up track by track: there may be millions of masks.

    Attributes:
        num_frames: Of the video.
        annotated: Frames with anything on them.
        lacking: Frames with a mask of an object, or of a region, that is meant and not exported.
        of_others: Frames with a mask of a class that is not wanted.
        spoken: Exported tracks of which a person said something there.
        covered: The same and those that are done there, having been approved as a whole.
        shown: Masks of exported tracks that are reviewed.
        unshown: Masks of exported tracks that are not.
        proposed: Masks of exported tracks that are proposals.
    """

    num_frames: int
    tracks: list[Track] = field(default_factory=list)
    left_out: int = 0
    annotated: _Flags = field(init=False)
    lacking: _Flags = field(init=False)
    of_others: _Flags = field(init=False)
    spoken: npt.NDArray[np.int32] = field(init=False)
    covered: npt.NDArray[np.int32] = field(init=False)
    shown: npt.NDArray[np.int32] = field(init=False)
    unshown: npt.NDArray[np.int32] = field(init=False)
    proposed: npt.NDArray[np.int32] = field(init=False)

    def __post_init__(self) -> None:
        for name in ("annotated", "lacking", "of_others"):
            setattr(self, name, np.zeros(self.num_frames, dtype=np.bool_))
        for name in ("spoken", "covered", "shown", "unshown", "proposed"):
            setattr(self, name, np.zeros(self.num_frames, dtype=np.int32))

    def add(self, track: Track, lane: FrameColumns, criteria: Criteria, step: int) -> None:
        """Take a track in, or count it as left out."""
        self.annotated[lane.frame_index] = True
        if not criteria.takes(track, lane):
            self.left_out += 1
            seen = lane.frame_index[lane.has_mask]
            if track.state is TrackState.REJECTED:
                return
            if not criteria.is_meant(track):
                self.of_others[seen] = True
            elif track.kind is TrackKind.OBJECT or not criteria.objects_only:
                self.lacking[seen] = True  # the ground of a region left out were taught as empty
            return
        self.tracks.append(track)
        spoken = _spoken(lane, criteria, self.num_frames)
        self.spoken += spoken
        self.covered += spoken | _done(track, lane, step, self.num_frames)
        is_shown = lane.has_mask & np.isin(lane.state, criteria.states)
        self.shown[lane.frame_index[is_shown]] += 1
        self.unshown[lane.frame_index[lane.has_mask & ~is_shown]] += 1
        self.proposed[lane.frame_index[lane.has_mask & (lane.state == _PROPOSED)]] += 1


def select_video(
    reader: ProjectReader, video: VideoEntry, criteria: Criteria, taken: set[str]
) -> VideoSelection:
    """Decide what of a video is exported.

    A track is exported if it is not rejected, is of a wanted class and, unless everything is
    exported, a person reviewed (or approved) at least one of its frames. A frame is exported if
    it is approved (exhaustive), or reviewed (or approved) for every exported track. A track that
    was approved as a whole is done: where nothing is annotated of it, it is not waited for.
    Where masks are chosen by themselves, each one that is reviewed (or approved) is exported, and
    those of approved frames. A frame that was approved is no complete one in the export where an
    object on it is left out, being of another class or not approved as a whole, say: whoever
    reads the file would take that object for ground on which there is none. What came as a
    proposal after the frame was approved is not reviewed: unless everything is exported the frame
    waits for it as others do, and where masks are chosen by themselves that one is not.

    Args:
        reader: The project.
        video: The video.
        criteria: What is asked for.
        taken: Folder names that are in use; the new one is added.

    Returns:
        The selection; without frames where nothing is to export.
    """
    approved = set(reader.exhaustive_frames(video.id))
    exhaustive = set(approved)
    tally = _Tally(video.num_frames)
    for track in reader.tracks(video.id):
        tally.add(track, _lane(reader, track, video), criteria, video.annotation_step)
    if not criteria.by_mask:
        exhaustive -= set(np.flatnonzero(tally.lacking).tolist())
        if not criteria.is_everything:
            exhaustive -= set(np.flatnonzero(tally.proposed).tolist())
    asked = _asked(criteria, video.num_frames)
    frames = set(np.flatnonzero(_chosen(tally, criteria, exhaustive) & asked).tolist())
    if not criteria.by_mask:
        exhaustive -= set(np.flatnonzero(tally.of_others).tolist())
    complete = frozenset(exhaustive & frames)
    selection = VideoSelection(
        video,
        folder_name(video.name, taken),
        tuple(sorted(frames)),
        tuple(tally.tracks),
        complete,
        len(set(np.flatnonzero(tally.annotated).tolist()) - frames),
        tally.left_out,
        incomplete=frozenset(approved & frames) - complete,
    )
    if criteria.is_everything:
        return selection
    if criteria.by_mask:
        return _mask_by_mask(selection, tally, criteria, asked)
    return _with_waiting(selection, tally, criteria, asked, reader)


def _chosen(tally: _Tally, criteria: Criteria, exhaustive: Collection[int]) -> _Flags:
    """(V,) bool, the frames to export, whatever range and step are asked for."""
    if criteria.is_everything:
        return np.full(tally.num_frames, bool(tally.tracks or exhaustive))
    if criteria.by_mask:
        chosen = tally.shown > 0
    else:
        chosen = (tally.spoken > 0) & (tally.covered == len(tally.tracks))
    chosen[[f for f in exhaustive if f < tally.num_frames]] = True
    return chosen


def _asked(criteria: Criteria, num_frames: int) -> _Flags:
    """(V,) bool, the frames of the range and the step."""
    asked = np.zeros(num_frames, dtype=np.bool_)
    first, last = criteria.frame_scope.bounds(num_frames)
    asked[first : last + 1] = True
    asked[np.arange(num_frames) % criteria.frame_step != 0] = False
    return asked


def _mask_by_mask(
    selection: VideoSelection, tally: _Tally, criteria: Criteria, asked: _Flags
) -> VideoSelection:
    open_frames = asked.copy()
    open_frames[list(selection.exhaustive)] = False
    num_proposed = int(tally.proposed[list(selection.exhaustive)].sum())
    return replace(
        selection,
        states=frozenset(FRAME_STATES[code] for code in criteria.states),
        masks_left_out=int(tally.unshown[open_frames].sum()) + num_proposed,
    )


def _with_waiting(
    selection: VideoSelection,
    tally: _Tally,
    criteria: Criteria,
    asked: _Flags,
    reader: ProjectReader,
) -> VideoSelection:
    """The same, with the tracks for which frames wait that are reviewed for others."""
    video = selection.video
    waiting = (tally.spoken > 0) & asked
    waiting[np.arange(tally.num_frames) % video.annotation_step != 0] = False
    waiting[list(selection.frames)] = False
    if not waiting.any():
        return selection
    found = []
    for track in tally.tracks:
        lane = _lane(reader, track, video)
        known = _spoken(lane, criteria, tally.num_frames)
        known |= _done(track, lane, video.annotation_step, tally.num_frames)
        if missing := int((waiting & ~known).sum()):
            found.append(WaitingTrack(video.name, track.id, track.name, missing))
    found.sort(key=lambda one: (-one.frames, one.track_id))
    return replace(selection, frames_waiting=int(waiting.sum()), waiting_for=tuple(found))


def _lane(reader: ProjectReader, track: Track, video: VideoEntry) -> FrameColumns:
    lane = reader.track_columns(track.id)
    return lane.take((lane.frame_index >= 0) & (lane.frame_index < video.num_frames))


def _spoken(lane: FrameColumns, criteria: Criteria, num_frames: int) -> _Flags:
    """(V,) bool, where a person said what is asked for, or that the object is absent."""
    spoken = np.zeros(num_frames, dtype=np.bool_)
    spoken[lane.frame_index[np.isin(lane.state, (*criteria.states, _ABSENT))]] = True
    return spoken


def _done(track: Track, lane: FrameColumns, step: int, num_frames: int) -> _Flags:
    """(V,) bool, where a track approved as a whole has nothing: nobody will annotate it there.

    Frames that nobody means to annotate say nothing: those between the ones of the video's
    annotation step, and, of a track with a mask on every n-th frame only, those between these.
    """
    done = np.full(num_frames, track.state is TrackState.APPROVED)
    done[lane.frame_index] = False
    places = np.arange(num_frames)
    done[places % step != 0] = False
    if len(lane) >= _FEWEST_STEPPED:
        own_step = int(np.gcd.reduce(np.diff(lane.frame_index)))
        done[(places - int(lane.frame_index[0])) % own_step != 0] = False
    return done
