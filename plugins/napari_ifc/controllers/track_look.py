"""Which tracks are seen on the canvas, and in whose colours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ifc_core.structures import Track, TrackKind

RGB = tuple[int, int, int]
_REGION_RGB = (150, 150, 150)


@dataclass(frozen=True, slots=True)
class TrackLook:
    """How the tracks of an open video are looked at; nothing of it is stored.

    What is selected is always seen: nobody corrects a mask that is hidden.

    Attributes:
        hidden: Tracks that are hidden unless they are selected.
        only_selected: Whether the others are hidden while anything is selected.
        color_by: Whose colours tracks have: ``track``, ``class`` or ``lineage``. Compared by
            nobody: an edit or another style makes a new picture anyway.
        colors: Colours of tracks by id where they are not their own; tracks that are not among
            them have theirs. Compared by nobody either.
    """

    hidden: frozenset[int] = frozenset()
    only_selected: bool = False
    color_by: str = field(default="track", compare=False)
    colors: Mapping[int, RGB] = field(default_factory=dict, compare=False)

    def shows(self, track_id: int, selected: tuple[int, ...]) -> bool:
        """Whether a track is seen.

        Args:
            track_id: The track; a negative number stands for one of a run.
            selected: The selected tracks.
        """
        if track_id in selected:
            return True
        return track_id not in self.hidden and not (self.only_selected and selected)

    def color(self, track: Track) -> RGB:
        """Colour in which a track is seen."""
        own = own_color(track)
        return own if is_region(track) else self.colors.get(track.id, own)

    def of_all(self) -> TrackLook:
        """With nothing hidden."""
        return replace(self, hidden=frozenset(), only_selected=False)

    def toggled(self, track_ids: Iterable[int]) -> TrackLook:
        """With some tracks hidden, or shown where all of them are hidden already."""
        meant = frozenset(track_ids)
        return replace(
            self, hidden=self.hidden - meant if meant <= self.hidden else self.hidden | meant
        )


def is_region(track: Track) -> bool:
    """Whether a track stands for no object: a crowd or a region to ignore."""
    return track.kind is not TrackKind.OBJECT


def own_color(track: Track) -> RGB:
    """The colour of a track by itself; regions are grey."""
    return _REGION_RGB if is_region(track) else track.color_rgb
