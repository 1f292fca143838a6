"""Which tracks are seen on the canvas: all, only the selected ones, or all but some."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class TrackLook:
    """How the tracks of an open video are looked at; nothing of it is stored.

    What is selected is always seen: nobody corrects a mask that is hidden.

    Attributes:
        hidden: Tracks that are hidden unless they are selected.
        only_selected: Whether the others are hidden while anything is selected.
    """

    hidden: frozenset[int] = frozenset()
    only_selected: bool = False

    def shows(self, track_id: int, selected: tuple[int, ...]) -> bool:
        """Whether a track is seen.

        Args:
            track_id: The track; a negative number stands for one of a run.
            selected: The selected tracks.
        """
        if track_id in selected:
            return True
        return track_id not in self.hidden and not (self.only_selected and selected)

    def toggled(self, track_ids: Iterable[int]) -> TrackLook:
        """With some tracks hidden, or shown where all of them are hidden already."""
        meant = frozenset(track_ids)
        return replace(
            self, hidden=self.hidden - meant if meant <= self.hidden else self.hidden | meant
        )
