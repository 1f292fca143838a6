"""What is done to tracks by scope: on this frame, from here on, or as a whole."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from enum import StrEnum

import numpy as np

from ifc_core.annotation import EditResult, Project, Scope, VideoEntry, edits
from ifc_core.annotation.mask_pieces import find_pieces
from ifc_core.annotation.records import WHOLE
from ifc_core.annotation.schema import STATE_CODE
from ifc_core.structures import FrameState
from napari_ifc.controllers.editing import EditController
from napari_ifc.controllers.tracks import TrackIndex
from napari_ifc.language import tr

_ANCHORS = tuple(STATE_CODE[s] for s in (FrameState.CORRECTED, FrameState.APPROVED))


class Reach(StrEnum):
    """How far an operation goes, counted from the current frame."""

    FRAME = "frame"
    ONWARD = "onward"
    TRACK = "track"

    def scope(self, frame_index: int) -> Scope:
        """The frames."""
        if self is Reach.FRAME:
            return Scope.this_frame(frame_index)
        return Scope.from_here(frame_index) if self is Reach.ONWARD else WHOLE


class TrackOps:
    """Operations on the selected tracks; each is one edit, and each can say why it is not.

    Args:
        project: What is edited.
        entry: The video that is shown.
        index: Its tracks.
        editor: Says what is selected, and makes the edits.
    """

    def __init__(
        self, project: Project, entry: VideoEntry, index: TrackIndex, editor: EditController
    ) -> None:
        self._project = project
        self._entry = entry
        self._index = index
        self._editor = editor

    @property
    def _here(self) -> int:
        return self._editor.frame_index

    @property
    def _track(self) -> int:
        current = self._editor.current
        assert current is not None  # noqa: S101 - why_not was asked before
        return current

    def _frames(self) -> list[int]:
        """Frames on which the current track has a mask."""
        return self._index.masked_frames(self._track)

    def _trim(self, keep: Scope) -> EditResult:
        steps = tuple(edits.TrimTrack(i, keep) for i in self._editor.selected)
        label = f"Trim {len(steps)} tracks: keep {keep.describe()}"
        return self._editor.apply(steps[0] if len(steps) == 1 else edits.Batch(steps, label=label))

    # Taking away

    def clear(self, reach: Reach) -> EditResult:
        """Take the selected tracks back to *not annotated*."""
        scope = reach.scope(self._here)
        return self._editor.apply(edits.ClearMasks(self._editor.selected, scope))

    def why_not_clear(self, reach: Reach) -> str:
        """Why there is nothing to take away."""
        reason = self._editor.why_not_selected()
        if reason:
            return reason
        scope = reach.scope(self._here)
        if any(self._has_anything(i, scope) for i in self._editor.selected):
            return ""
        return tr("The selected tracks have nothing there.")

    def _has_anything(self, track_id: int, scope: Scope) -> bool:
        if not self._index.is_loaded:
            return len(self._project.track_columns(track_id, scope)) > 0
        frames = self._index.frames(track_id).columns.frame_index
        first, last = scope.bounds(self._entry.num_frames)
        return bool(np.searchsorted(frames, first) < np.searchsorted(frames, last, "right"))

    def begin_here(self) -> EditResult:
        """Take away what the selected tracks have before the current frame."""
        return self._trim(Scope.from_here(self._here))

    def why_not_begin_here(self) -> str:
        """Why there is nothing before the current frame."""
        reason = self._editor.why_not_selected()
        if reason:
            return reason
        shown = [self._index.frames(i).masked for i in self._editor.selected]
        before = any(len(frames) and frames[0] < self._here for frames in shown)
        return "" if before else tr("The selected tracks begin here or later.")

    def end_here(self) -> EditResult:
        """Take away what the selected tracks have after the current frame."""
        return self._trim(Scope(0, self._here))

    def why_not_end_here(self) -> str:
        """Why there is nothing after the current frame."""
        reason = self._editor.why_not_selected()
        if reason:
            return reason
        shown = [self._index.frames(i).masked for i in self._editor.selected]
        after = any(len(frames) and frames[-1] > self._here for frames in shown)
        return "" if after else tr("The selected tracks end here or earlier.")

    # Filling

    def extend_here(self) -> EditResult:
        """Carry the nearest end of the current track unchanged up to the current frame."""
        return self._editor.apply(edits.ExtendTrack(self._track, self._here))

    def why_not_extend(self) -> str:
        """Why the current track cannot be extended to the current frame."""
        reason = self._editor.why_not_selected()
        if reason:
            return reason
        frames = self._frames()
        if not frames:
            return tr("The current track has no mask to extend.")
        if frames[0] <= self._here <= frames[-1]:
            return tr("Go to a frame before or behind the track to extend it up to there.")
        return ""

    def copy_here(self, *, forward: bool) -> EditResult:
        """Copy the mask of the nearest earlier (or later) frame to the current one.

        Args:
            forward: From an earlier frame; else from a later one.
        """
        source = self._neighbour(forward=forward)
        assert source is not None  # noqa: S101 - why_not_copy was asked before
        return self._editor.apply(edits.CopyMask(self._track, source, (self._here,)))

    def why_not_copy(self, *, forward: bool) -> str:
        """Why there is no mask to copy from."""
        reason = self._editor.why_not_selected()
        if reason or self._neighbour(forward=forward) is not None:
            return reason
        if forward:
            return tr("The current track has no mask on an earlier frame.")
        return tr("The current track has no mask on a later frame.")

    def _neighbour(self, *, forward: bool) -> int | None:
        frames = self._frames()
        if forward:
            place = bisect_left(frames, self._here) - 1
            return frames[place] if place >= 0 else None
        place = bisect_right(frames, self._here)
        return frames[place] if place < len(frames) else None

    def interpolate(self) -> EditResult:
        """Fill the stretch around the current frame between two masks."""
        ends = self._ends()
        assert ends is not None  # noqa: S101 - why_not_interpolate was asked before
        return self._editor.apply(edits.InterpolateMasks(self._track, *ends))

    def why_not_interpolate(self) -> str:
        """Why there is nothing to interpolate."""
        reason = self._editor.why_not_selected()
        if reason or self._ends() is not None:
            return reason
        return tr("Go to a frame between two corrected masks, or into a gap of the track.")

    def _ends(self) -> tuple[int, int] | None:
        """The corrected frames around the current one; without such, the edges of the gap."""
        told = self._project.track_columns(self._track)
        corrected = told.frame_index[np.isin(told.state, _ANCHORS) & (told.area_px > 0)].tolist()
        for candidates in (corrected, self._frames()):
            before = [f for f in candidates if f < self._here]
            after = [f for f in candidates if f > self._here]
            if before and after and after[0] - before[-1] > 1:
                return before[-1], after[0]
        return None

    # Pieces

    def separate(self, *, onward: bool) -> EditResult | None:
        """Make each further piece of the current track's mask a track of its own.

        Args:
            onward: Also on the frames that follow, as long as the pieces stay apart.

        Returns:
            What changed, or ``None`` where the mask is in one piece.
        """
        record = self._project.mask(self._track, self._here)
        shown = None if record is None else record.shown
        if shown is None or len(find_pieces(shown)) < 2:
            return None
        return self._editor.apply(edits.SeparatePieces(self._track, self._here, onward))

    # Order

    def reorder(self, where: str) -> EditResult | None:
        """Move the current track in the order of tracks.

        Args:
            where: ``top``, ``bottom``, ``up`` or ``down``.

        Returns:
            What changed, or ``None`` where it is there already.
        """
        ids = [track.id for track in self._project.tracks(self._entry.id)]
        here = ids.index(self._track)
        last = len(ids) - 1
        place = {"top": last, "bottom": 0, "up": min(here + 1, last), "down": max(here - 1, 0)}
        if place[where] == here:
            return None
        ids.insert(place[where], ids.pop(here))
        return self._editor.apply(edits.SetZOrder(self._entry.id, tuple(ids)))

    def why_not_reorder(self, where: str) -> str:
        """Why the current track cannot be moved there."""
        reason = self._editor.why_not_tracks()
        if reason:
            return reason
        ids = [track.id for track in self._project.tracks(self._entry.id)]
        end = ids[-1] if where in ("top", "up") else ids[0]
        if end != self._track:
            return ""
        if where in ("top", "up"):
            return tr("The track is at the top already.")
        return tr("The track is at the bottom already.")
