"""Saying what is right."""

from __future__ import annotations

from collections.abc import Iterable

from napari_ifc.actions import Action
from napari_ifc.feature import Feature


class Review(Feature):
    """Approving frames."""

    def actions(self) -> Iterable[Action]:
        """Approve the frame."""
        yield Action(
            "frame.approve",
            "Approve frame",
            self.edit(lambda e: e.approve_frame()),
            shortcut="A",
            group="Review",
            why_not=self.editor_reason(lambda e: e.why_not_change()),
            tip="Say that this frame is complete and right; again takes it back.",
        )
