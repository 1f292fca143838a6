"""Two things in one mask: each connected piece becomes a track of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ifc_core.annotation.delta import Pointer
from ifc_core.annotation.edits.base import Edit, name_of
from ifc_core.annotation.mask_pieces import (
    LEAST_PIECE_PX,
    Piece,
    find_pieces,
    follow,
    take_apart,
)
from ifc_core.annotation.records import Scope
from ifc_core.annotation.transaction import HUMAN, PROPOSED, EditTransaction
from ifc_core.structures import FrameState, MaskSource, RLEMask, Track


@dataclass(frozen=True, slots=True)
class SeparatePieces(Edit):
    """Take the mask of a track apart into its connected pieces.

    The largest piece on the frame stays with the track; each other one begins a track of the
    same class, just above it. On the frame itself the masks are a person's. On later frames
    what a person made or approved stays a person's, and the rest are proposals.

    Attributes:
        track_id: The track.
        frame_index: 0-based.
        onward: Also on the frames that follow, as long as each piece can be told: until two of
            them touch, or one is gone or moved further than half the way to the next one.
        least_px: Smaller pieces stay with the track.
    """

    track_id: int
    frame_index: int
    onward: bool = False
    least_px: int = LEAST_PIECE_PX

    def perform(self, tx: EditTransaction) -> str:
        """Begin the tracks and share the masks out."""
        track = tx.track(self.track_id)
        targets: list[Track] = []
        last = self.frame_index
        for frame_index, pointer, rle, pieces in self._frames(tx, track):
            targets = targets or [track, *_begin(tx, track, len(pieces) - 1)]
            last = frame_index
            is_persons = frame_index == self.frame_index or _is_persons(pointer)
            kind = (
                (MaskSource.HUMAN, FrameState.CORRECTED)
                if is_persons
                else (MaskSource.DERIVED, FrameState.PROPOSED)
            )
            for target, mask in zip(targets, take_apart(rle, pieces), strict=True):
                tx.put_mask(target, frame_index, mask, *kind)
        tx.touch(track)
        covered = Scope(self.frame_index, last).describe()
        return f"Separate {name_of(track)} into {len(targets)} tracks, {covered}"

    def _frames(
        self, tx: EditTransaction, track: Track
    ) -> Iterator[tuple[int, Pointer, RLEMask, list[Piece]]]:
        """Frames on which each piece can be told, with the pieces in one order."""
        here = self.frame_index
        scope = Scope.from_here(here) if self.onward else Scope.this_frame(here)
        size = tx.video(track.video_id).size
        pieces: list[Piece] = []
        for frame_index, pointer in tx.pointers(track.id, scope).items():
            rle = tx.rle(pointer.mask_id, size)
            if rle is None or not pointer.is_seen:
                continue
            found = find_pieces(rle, self.least_px)
            if not pieces and (frame_index != here or len(found) < 2):
                break
            followed = follow(pieces, found) if pieces else found
            if followed is None:
                tx.notes.append(
                    f"From frame {frame_index} on the pieces cannot be told apart, so the mask "
                    "stays whole."
                )
                return
            pieces = followed
            yield frame_index, pointer, rle, pieces
        if not pieces:
            tx.fail(f"The mask of {name_of(track)} on frame {here} is not in several pieces.")


def _begin(tx: EditTransaction, track: Track, count: int) -> list[Track]:
    """Tracks of the same class just above a track."""
    for above in tx.tracks(track.video_id):
        if above.z_order > track.z_order:
            tx.put_track(replace(above, z_order=above.z_order + count))
    return [
        tx.new_track(
            track.video_id,
            track.category_id,
            score=track.score,
            kind=track.kind,
            z_order=track.z_order + 1 + number,
        )
        for number in range(count)
    ]


def _is_persons(pointer: Pointer) -> bool:
    return pointer.source == HUMAN or pointer.state != PROPOSED
