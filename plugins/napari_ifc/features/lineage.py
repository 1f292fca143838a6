"""Mothers and daughters: linking the selected tracks, and selecting a lineage."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from napari_ifc.actions import Action
from napari_ifc.controllers.lineage import LineageOps
from napari_ifc.feature import NOTHING_OPEN, Feature
from napari_ifc.features.track_edits import GROUP, IDENTITY
from napari_ifc.language import tr

if TYPE_CHECKING:
    from napari_ifc.workspace import Workspace


class Lineage(Feature):
    """Divisions of cells, as links between tracks."""

    ops: LineageOps | None = None

    def opened(self, workspace: Workspace) -> None:
        """Make the operations on the video's tracks."""
        self.ops = LineageOps(workspace.index, workspace.editor)

    def closing(self, workspace: Workspace, *, keep_project: bool) -> None:
        """Nothing is open any more."""
        self.ops = None

    def actions(self) -> Iterable[Action]:
        """Links are edits; selecting is none."""
        title = tr("Lineage")
        words = tr("lineage division mitosis mother daughter parent cell")
        rows: tuple[
            tuple[str, str, str, str, Callable[[LineageOps], str], Callable[[LineageOps], str]], ...
        ] = (
            (
                *("divide", tr("Link as a division"), "Shift+M"),
                tr("The selected track that begins first divided into the others."),
                lambda o: o.divide(),
                lambda o: o.why_not_divide(),
            ),
            (
                *("bud", tr("Link as a bud"), ""),
                tr("The others came off the track that begins first, which goes on."),
                lambda o: o.bud(),
                lambda o: o.why_not_bud(),
            ),
            (
                *("unlink", tr("Forget the mother"), ""),
                tr("Take the links of the selected tracks to their mother away."),
                lambda o: o.unlink(),
                lambda o: o.why_not_unlink(),
            ),
        )
        for name, text, key, tip, do, why in rows:
            yield Action(
                f"lineage.{name}",
                text,
                partial(self._do, do),
                shortcut=key,
                group=GROUP,
                section=IDENTITY,
                submenu=title,
                why_not=partial(self._ask, why),
                tip=tip,
                words=words,
            )
        yield Action(
            "lineage.select",
            tr("Select the lineage"),
            self._select_family,
            group=GROUP,
            section=IDENTITY,
            submenu=title,
            why_not=lambda: self._ask(lambda o: o.why_not_family()),
            tip=tr("All tracks that came of the same first one."),
            words=words,
        )

    def _do(self, change: Callable[[LineageOps], str]) -> None:
        assert self.ops is not None  # noqa: S101 - why_not was asked before
        told = change(self.ops)
        self.studio.select(self.workspace.editor.selected)  # also a daughter that was split off
        self.studio.inform(told)

    def _select_family(self) -> None:
        assert self.ops is not None  # noqa: S101 - why_not was asked before
        self.studio.select(self.ops.family())

    def _ask(self, why: Callable[[LineageOps], str]) -> str:
        return NOTHING_OPEN if self.ops is None else why(self.ops)
