"""Regions to ignore, which Propose leaves alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from napari_ifc.actions import Action
from napari_ifc.controllers.regions import Regions
from napari_ifc.feature import NOTHING_OPEN, Feature
from napari_ifc.features.track_edits import GROUP
from napari_ifc.features.track_names import NAME_AND_REGION
from napari_ifc.language import tr

if TYPE_CHECKING:
    from napari_ifc.workspace import Workspace


class IgnoredRegions(Feature):
    """Makes regions to ignore of tracks, and objects of them again."""

    regions: Regions | None = None

    def opened(self, workspace: Workspace) -> None:
        """Take the video's tracks."""
        self.regions = Regions(workspace.index, workspace.editor)

    def closing(self, workspace: Workspace, *, keep_project: bool) -> None:
        """Nothing is open any more."""
        self.regions = None

    def actions(self) -> Iterable[Action]:
        """There and back; menus show the one that is possible."""
        words = tr("ignore exclude region leave out mask spectators background crowd")
        ignore, restore = tr("Make this a region to ignore"), tr("Make this an object again")
        yield Action(
            "track.ignore",
            ignore,
            lambda: self._tell(lambda r: r.ignore()),
            group=GROUP,
            submenu=NAME_AND_REGION,
            why_not=lambda: self._ask(lambda r: r.why_not_ignore()),
            text_now=lambda: "" if self._is_possible(Regions.why_not_restore) else ignore,
            tip=tr(
                "It stands for no object: Propose leaves out what lies mostly in it, tables too."
            ),
            words=words,
        )
        yield Action(
            "track.not_ignored",
            restore,
            lambda: self._tell(lambda r: r.restore()),
            group=GROUP,
            submenu=NAME_AND_REGION,
            why_not=lambda: self._ask(lambda r: r.why_not_restore()),
            text_now=lambda: restore if self._is_possible(Regions.why_not_restore) else "",
            tip=tr("The region stands for an object again, with all its masks."),
            words=words,
        )

    def _ask(self, why: Callable[[Regions], str]) -> str:
        return NOTHING_OPEN if self.regions is None else why(self.regions)

    def _is_possible(self, why: Callable[[Regions], str]) -> bool:
        return self.regions is not None and not why(self.regions)

    def _tell(self, change: Callable[[Regions], str]) -> None:
        assert self.regions is not None  # noqa: S101 - why_not was asked before
        self.studio.inform(change(self.regions))
