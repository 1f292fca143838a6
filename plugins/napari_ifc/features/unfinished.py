"""Masks of a run that goes on are no part of a frame yet: whoever approves it is told so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_ifc.features.correction import Correction
from napari_ifc.language import tr

if TYPE_CHECKING:
    from napari_ifc.studio import Studio


class Unfinished:
    """Asks once more before frames are approved on which a run shows masks.

    A run never touches a frame that is approved, so that those masks would not come to it: it
    would be complete without the objects that were seen on it, and training take them for ground.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._asked: tuple[object, ...] | None = None

    def ask(self, frames: range, again: str) -> str:
        """What to say instead of approving frames; empty where nothing stands against it.

        Args:
            frames: The frames. Asked for the second time in a row, during the same runs, they
                are to be approved.
            again: How they are, in words that follow on "and not stored yet".
        """
        count = self._count(frames)
        asked, here = self._asked, (frames, *self._runs())
        self._asked = None
        if not count or asked == here:
            return ""
        self._asked = here
        text = tr(
            "{count} masks of a run that is not done are seen here, and not stored yet; {again} "
            "to approve without them."
        )
        if count == 1:
            text = tr(
                "1 mask of a run that is not done is seen here, and not stored yet; {again} to "
                "approve without it."
            )
        return text.format(count=count, again=again)

    def _runs(self) -> tuple[int, ...]:
        """Other numbers with another video and with another run."""
        workspace = self._studio.open_workspace()
        spreader = self._studio.feature(Correction).spreader
        spread = 0 if spreader is None else spreader.generation
        return workspace.session.entry.id, workspace.proposer.generation, spread

    def _count(self, frames: range) -> int:
        count = self._studio.open_workspace().proposer.num_provisional(frames)
        spreader = self._studio.feature(Correction).spreader
        if spreader is not None:
            spread = (spreader.provisional_at(i) for i in spreader.staged_frames if i in frames)
            count += sum(staged.rle is not None for masks in spread for staged in masks)
        return count
