"""A question to the engine goes first: what nobody asked for gives way, what else runs is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ifc_core.errors import IFCError
from napari_ifc.controllers.correction import SpreadController
from napari_ifc.language import tr

if TYPE_CHECKING:
    from napari_ifc.studio import Studio


class QuestionTurn:
    """Clicks, boxes and scribbles among the other work of the engine, which does one at a time.

    Args:
        studio: The studio that shows what is waited for.
        spreader: Gives what propagates, ``None`` while nothing is open.
    """

    def __init__(self, studio: Studio, spreader: Callable[[], SpreadController | None]) -> None:
        self._studio = studio
        self._spreader = spreader
        self._gave_way = False
        self._waiting = ""

    def asked(self) -> None:
        """A question was asked: let it pass where nobody waits for what runs, or say what does."""
        workspace, spreader = self._studio.workspace, self._spreader()
        if workspace is None or spreader is None:
            return
        running = spreader.is_running and not spreader.is_paused
        if running and spreader.is_quiet:
            spreader.pause()
            self._gave_way = True
        proposing = workspace.proposer.is_running
        if proposing or (running and not spreader.is_quiet):
            self._waiting = tr("This is answered after what the model is doing now.")
            action_id = "propose.pause" if proposing else "correct.pause"
            banner = self._studio.panel.banner
            if self._studio.actions[action_id].enabled:
                banner.show_message(self._waiting, "warning", tr("Pause that"), action_id)
            else:
                banner.show_message(self._waiting, "warning")

    def answered(self) -> None:
        """Nothing is asked any more: what gave way goes on."""
        banner, waiting = self._studio.panel.banner, self._waiting
        self._waiting = ""
        if waiting and banner.text == waiting:
            banner.clear()
        spreader = self._spreader()
        gave_way, self._gave_way = self._gave_way, False
        if gave_way and spreader is not None and spreader.is_quiet and spreader.is_paused:
            try:
                spreader.resume()
            except IFCError as error:
                self._studio.fail(error)
