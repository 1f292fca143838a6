"""A file that was pointed at is another video of the project: the way to that one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from ifc_core.errors import IFCError, OtherVideoError
from napari_ifc.actions import Action
from napari_ifc.language import tr

if TYPE_CHECKING:
    from napari_ifc.studio import Studio

SHOW = "videos.show_told"


class OtherVideo:
    """Says which video of the project a file is, and offers to go there.

    Args:
        studio: Whose project.
        group: Heading of the action.
        show: Shows a video of the project.
    """

    def __init__(self, studio: Studio, group: str, show: Callable[[int], None]) -> None:
        self._studio = studio
        self._group = group
        self._show = show
        self._told: OtherVideoError | None = None

    def actions(self) -> Iterable[Action]:
        """Go there, while the message stands."""
        yield Action(
            SHOW,
            tr("Show the video that the file is"),
            self._go,
            group=self._group,
            why_not=self._why_not,
            tip=tr("Go to the video of the project that the message names."),
            text_now=lambda: "",  # it belongs to the message
        )

    def fail(self, error: IFCError) -> None:
        """Show an error; where the file is another video of the project, with the way there."""
        if not isinstance(error, OtherVideoError):
            self._studio.fail(error)
            return
        self._told = error
        banner = self._studio.panel.banner
        banner.show_message(str(error), "error", tr("Show it"), SHOW, str(error.path))
        self._studio.failed.emit(str(error))

    def _go(self) -> None:
        assert self._told is not None  # noqa: S101 - why_not was asked before
        self._show(self._told.video_id)

    def _why_not(self) -> str:
        is_told = self._told is not None and self._studio.panel.banner.text == str(self._told)
        return "" if is_told else tr("No message tells which video a file is.")
