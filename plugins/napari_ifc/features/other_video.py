"""A file that was pointed at is another video than it should be: what can be done about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from ifc_core.errors import IFCError, OtherContentError, OtherVideoError
from napari_ifc.actions import Action
from napari_ifc.error_text import told
from napari_ifc.language import tr

if TYPE_CHECKING:
    from napari_ifc.studio import Studio

SHOW = "videos.show_told"
TAKE = "videos.take_told"


class OtherVideo:
    """Says which video a file is, and offers to go there, or to take it where it was coded anew.

    Args:
        studio: Whose project.
        group: Heading of the action.
        show: Shows a video of the project.
        locate: Takes a video's id and a file, and ``is_coded_anew``.
    """

    def __init__(
        self,
        studio: Studio,
        group: str,
        show: Callable[[int], None],
        locate: Callable[..., None],
    ) -> None:
        self._studio = studio
        self._group = group
        self._show = show
        self._locate = locate
        self._told: OtherVideoError | OtherContentError | None = None

    def actions(self) -> Iterable[Action]:
        """Go there, or take it, while the message stands."""
        yield Action(
            SHOW,
            tr("Show the video that the file is"),
            self._go,
            group=self._group,
            why_not=lambda: self._why_not(OtherVideoError),
            tip=tr("Go to the video of the project that the message names."),
            text_now=lambda: "",  # it belongs to the message
        )
        yield Action(
            TAKE,
            tr("Take the file for the video, coded anew"),
            self._take_it,
            group=self._group,
            why_not=lambda: self._why_not(OtherContentError),
            tip=tr("It shows the same frames, and another program has written it; can be undone."),
            text_now=lambda: "",  # it belongs to the message
        )

    def fail(self, error: IFCError) -> None:
        """Show an error, with what can be done about it where it is about another video."""
        if not isinstance(error, OtherVideoError | OtherContentError):
            self._studio.fail(error)
            return
        self._told = error
        is_known = isinstance(error, OtherVideoError)
        offer = (tr("Show it"), SHOW) if is_known else (tr("It was coded anew"), TAKE)
        if isinstance(error, OtherContentError) and error.is_longer:
            offer = (tr("It went on being recorded"), TAKE)
        banner = self._studio.panel.banner
        banner.show_message(told(error)[0], "error", *offer, str(error.path))
        self._studio.failed.emit(told(error)[0])

    def _go(self) -> None:
        assert self._told is not None  # noqa: S101 - why_not was asked before
        self._show(self._told.video_id)

    def _take_it(self) -> None:
        assert self._told is not None  # noqa: S101 - why_not was asked before
        self._locate(self._told.video_id, self._told.path, is_coded_anew=True)

    def _why_not(self, kind: type[IFCError]) -> str:
        shown = self._studio.panel.banner.text
        is_told = isinstance(self._told, kind) and shown == told(self._told)[0]
        return "" if is_told else tr("No message tells which video a file is.")
