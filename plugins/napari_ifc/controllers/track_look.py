"""Which tracks are seen on the canvas, and in whose colours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ifc_core.structures import Track

RGB = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class TrackLook:
    """How the tracks of an open video are looked at; nothing of it is stored.

    What is selected is always seen: nobody corrects a mask that is hidden.

    Attributes:
        hidden: Tracks that are hidden unless they are selected.
        only_selected: Whether the others are hidden while anything is selected.
        class_colors: Colours of the classes by id where tracks are seen in those, else ``None``.
            Compared by nobody: an edit or another style makes a new picture anyway.
    """

    hidden: frozenset[int] = frozenset()
    only_selected: bool = False
    class_colors: Mapping[int, RGB] | None = field(default=None, compare=False)

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
        colors = self.class_colors or {}
        return colors.get(track.category_id, track.color_rgb)

    def of_all(self) -> TrackLook:
        """With nothing hidden."""
        return replace(self, hidden=frozenset(), only_selected=False)

    def toggled(self, track_ids: Iterable[int]) -> TrackLook:
        """With some tracks hidden, or shown where all of them are hidden already."""
        meant = frozenset(track_ids)
        return replace(
            self, hidden=self.hidden - meant if meant <= self.hidden else self.hidden | meant
        )
