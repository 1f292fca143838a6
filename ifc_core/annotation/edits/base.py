"""What every edit is: a frozen command that runs inside one recorded transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from ifc_core.io.problems import MAX_NAME_LETTERS, shown, why_not_named
from ifc_core.structures import Track, TrackState

if TYPE_CHECKING:
    from ifc_core.annotation.transaction import EditTransaction

_MAX_NUMBERS = 5  # as many tracks are told by their numbers


class OverlapRule(StrEnum):
    """Which mask stays where two merged tracks share a frame.

    A mask always beats absent, and both beat a mask that was rejected.
    """

    PREFER_HUMAN = "prefer_human"  # the one a person made; else the kept track's
    KEEP = "keep"  # the kept track's
    TAKE = "take"  # the other track's
    UNION = "union"


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of the project, applied by ``Project.apply``.

    What it does to the rows of the project is recorded as pairs of old and new values,
    which is its inverse; both go into the journal in the transaction of the edit.
    """

    def perform(self, tx: EditTransaction) -> str:
        """Make the change.

        Args:
            tx: The open transaction.

        Returns:
            The line for the history list.

        Raises:
            EditError: The edit does not fit the present state; nothing is changed.
        """
        raise NotImplementedError(type(self).__name__)


def name_of(track: Track) -> str:
    """A track in the words of the history list."""
    return f"track {track.id} ({track.name})" if track.name else f"track {track.id}"


def names_of(tracks: Sequence[Track]) -> str:
    """Tracks in the words of the history list."""
    return name_of(tracks[0]) if len(tracks) == 1 else numbers_of([track.id for track in tracks])


def numbers_of(track_ids: Sequence[int]) -> str:
    """Tracks by their numbers: "tracks 3, 4 and 9"; many are counted."""
    if len(track_ids) == 1:
        return f"track {track_ids[0]}"
    if not 0 < len(track_ids) <= _MAX_NUMBERS:
        return f"{len(track_ids):,} tracks"
    numbers = [str(track_id) for track_id in track_ids]
    return f"tracks {', '.join(numbers[:-1])} and {numbers[-1]}"


def check_name(tx: EditTransaction, name: str) -> None:
    """Refuse a name that no file of annotations may have, nor an export could be read with.

    Raises:
        EditError: It holds control characters or is absurdly long.
    """
    if reason := why_not_named(name, MAX_NAME_LETTERS):
        tx.fail(f"The name {shown(name)} {reason}.")


def touched(track: Track) -> Track:
    """The header of a track of which a person changed class, name or frames: no mere proposal.

    A rejected one stays rejected. A link to a mother is no reason: it stands in the header itself,
    so that proposing again knows of it (``lineage.linked``).
    """
    is_proposed = track.state is TrackState.PROPOSED
    return replace(track, state=TrackState.CORRECTED) if is_proposed else track
