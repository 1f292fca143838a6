"""Edits of the review state of frames and tracks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ifc_core.annotation.edits.base import Edit, names_of
from ifc_core.annotation.pointer_tables import (
    FRAME,
    MASK,
    POINTER_WIDTH,
    SOURCE,
    STATE,
    TRACK,
    Table,
)
from ifc_core.annotation.records import WHOLE, Scope
from ifc_core.annotation.transaction import (
    APPROVED,
    CORRECTED,
    HUMAN,
    PROPOSED,
    REJECTED,
    EditTransaction,
)
from ifc_core.structures import Track, TrackState


@dataclass(frozen=True, slots=True)
class ApproveFrames(Edit):
    """Approve frames: all their masks, and that nothing else is to annotate (*exhaustive*).

    Attributes:
        video_id: The video.
        scope: The frames.
        at_annotation_step: Only those that the video's annotation step names (every n-th from
            frame 0 on); what lies between was not looked at.
    """

    video_id: int
    scope: Scope
    at_annotation_step: bool = False

    def perform(self, tx: EditTransaction) -> str:
        """Approve the masks and flag the frames."""
        video = tx.video(self.video_id)
        first, last = self.scope.bounds(video.num_frames)
        if last < first:
            tx.fail("There is no such frame in the video.")
        step = video.annotation_step if self.at_annotation_step else 1
        tracks = [t for t in tx.tracks(video.id) if t.state is not TrackState.REJECTED]
        _set_states(tx, tracks, self.scope, (PROPOSED, CORRECTED), APPROVED, step)
        done = tx.exhaustive(video.id, self.scope)
        fresh = [f for f in range(first, last + 1) if f % step == 0 and f not in done]
        tx.set_exhaustive(video.id, fresh, True)
        return f"Approve {_of_video(self.scope)}"


@dataclass(frozen=True, slots=True)
class UnapproveFrames(Edit):
    """Take an approval back: human masks become *corrected*, the others *proposed*.

    Attributes:
        video_id: The video.
        scope: The frames.
    """

    video_id: int
    scope: Scope

    def perform(self, tx: EditTransaction) -> str:
        """Clear the flags and take the states back."""
        video = tx.video(self.video_id)
        tx.set_exhaustive(video.id, sorted(tx.exhaustive(video.id, self.scope)), False)
        _unapprove(tx, tx.tracks(video.id), self.scope)
        return f"Take back the approval of {_of_video(self.scope)}"


@dataclass(frozen=True, slots=True)
class ApproveTracks(Edit):
    """Approve every mask of some tracks (frames do not become exhaustive).

    Attributes:
        track_ids: The tracks.
        scope: The frames; the header is approved with the whole track only.
    """

    track_ids: tuple[int, ...]
    scope: Scope = WHOLE

    def perform(self, tx: EditTransaction) -> str:
        """Approve masks, and headers where the whole track is meant."""
        tracks = tx.tracks_of(self.track_ids)
        _set_states(tx, tracks, self.scope, (PROPOSED, CORRECTED), APPROVED)
        if self.scope.is_whole:
            for track in tracks:
                tx.put_track(replace(track, state=TrackState.APPROVED))
        return f"Approve {names_of(tracks)}, {self.scope.describe()}"


@dataclass(frozen=True, slots=True)
class RejectTracks(Edit):
    """Reject tracks: kept, but neither shown, exported nor trained on.

    Attributes:
        track_ids: The tracks.
    """

    track_ids: tuple[int, ...]

    def perform(self, tx: EditTransaction) -> str:
        """Change the state of the headers; masks stay as they are."""
        tracks = tx.tracks_of(self.track_ids)
        for track in tracks:
            tx.put_track(replace(track, state=TrackState.REJECTED))
        return f"Reject {names_of(tracks)}"


@dataclass(frozen=True, slots=True)
class RestoreTracks(Edit):
    """Take back the rejection or approval of tracks.

    Attributes:
        track_ids: The tracks.
    """

    track_ids: tuple[int, ...]

    def perform(self, tx: EditTransaction) -> str:
        """Bring tracks and masks back; that a track stays is a person's word from now on."""
        tracks = tx.tracks_of(self.track_ids)
        for track in tracks:
            if track.state is TrackState.APPROVED:
                _unapprove(tx, [track], WHOLE, spare=tx.exhaustive(track.video_id))
            for shown in _shown(tx, [track], WHOLE):
                _take_back(tx, shown[shown[:, STATE] == REJECTED])
            tx.put_track(replace(track, state=TrackState.CORRECTED))
        return f"Restore {names_of(tracks)}"


@dataclass(frozen=True, slots=True)
class RejectMasks(Edit):
    """Reject a track's masks on some frames: hidden, and the model does not bring them back.

    Attributes:
        track_ids: The tracks.
        scope: The frames.
    """

    track_ids: tuple[int, ...]
    scope: Scope

    def perform(self, tx: EditTransaction) -> str:
        """Change the state of the masks."""
        tracks = tx.tracks_of(self.track_ids)
        _set_states(tx, tracks, self.scope, (PROPOSED, CORRECTED, APPROVED), REJECTED)
        return f"Reject masks of {names_of(tracks)}, {self.scope.describe()}"


@dataclass(frozen=True, slots=True)
class RestoreMasks(Edit):
    """Take back the rejection of masks on some frames.

    Attributes:
        track_ids: Their tracks.
        scope: The frames.
    """

    track_ids: tuple[int, ...]
    scope: Scope

    def perform(self, tx: EditTransaction) -> str:
        """Change the state of what is rejected; what a person drew is *corrected* again."""
        tracks = tx.tracks_of(self.track_ids)
        for shown in _shown(tx, tracks, self.scope):
            _take_back(tx, shown[shown[:, STATE] == REJECTED])
        return f"Restore masks of {names_of(tracks)}, {self.scope.describe()}"


def _of_video(scope: Scope) -> str:
    return "the whole video" if scope.is_whole else scope.describe()


def _set_states(
    tx: EditTransaction,
    tracks: Sequence[Track],
    scope: Scope,
    states: tuple[int, ...],
    new: int,
    step: int = 1,
) -> None:
    for shown in _shown(tx, tracks, scope):
        chosen = shown[np.isin(shown[:, STATE], states) & (shown[:, FRAME] % step == 0)]
        _put_states(tx, chosen, np.full(len(chosen), new))


def _shown(tx: EditTransaction, tracks: Sequence[Track], scope: Scope) -> Iterator[Table]:
    """What the tracks show on some frames, a table a video."""
    for video_id in dict.fromkeys(track.video_id for track in tracks):
        ids = [track.id for track in tracks if track.video_id == video_id]
        yield tx.pointer_table(video_id, ids, scope)


def _put_states(tx: EditTransaction, shown: Table, states: Table) -> None:
    new = shown[:, MASK:POINTER_WIDTH].copy()
    new[:, STATE - MASK] = states
    tx.change(shown, new)


def _take_back(tx: EditTransaction, shown: Table) -> None:
    """Human masks become *corrected* again, so that no run replaces them; others *proposed*."""
    _put_states(tx, shown, np.where(shown[:, SOURCE] == HUMAN, CORRECTED, PROPOSED))


def _unapprove(
    tx: EditTransaction, tracks: Sequence[Track], scope: Scope, spare: Iterable[int] = ()
) -> None:
    kept = np.array(sorted(spare), dtype=np.int64)
    touched = set[int]()
    for shown in _shown(tx, tracks, scope):
        chosen = shown[(shown[:, STATE] == APPROVED) & ~np.isin(shown[:, FRAME], kept)]
        _take_back(tx, chosen)
        touched.update(chosen[:, TRACK].tolist())
    for track in tracks:
        if track.id in touched and track.state is TrackState.APPROVED:
            tx.put_track(replace(track, state=TrackState.CORRECTED))
