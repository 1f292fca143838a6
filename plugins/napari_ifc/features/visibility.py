"""Seeing some tracks and not others: where many overlap, one cannot see or paint one alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from napari_ifc.actions import Action
from napari_ifc.controllers.overlaps import PaintOver
from napari_ifc.controllers.track_look import TrackLook
from napari_ifc.feature import Feature
from napari_ifc.language import tr

if TYPE_CHECKING:
    from napari_ifc.studio import Studio
    from napari_ifc.workspace import Workspace

ONLY, HIDE, ALL = "view.only_selected", "view.hide", "view.all_tracks"


class Visibility(Feature):
    """Hides tracks on the canvas; the project knows nothing of it."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self._told_of_strokes = False
        studio.presenter.hints.append(self.hint)

    def actions(self) -> Iterable[Action]:
        """One alone, without some, and all again."""
        yield Action(
            ONLY,
            tr("Show only the selected tracks"),
            lambda: self._toggle_only(),
            shortcut="Shift+S",
            group=tr("View"),
            why_not=self.studio.why_not_open,
            tip=tr(
                "Hide all others; with nothing selected all are seen, so that one can be picked."
            ),
            checked=lambda: self._look.only_selected,
        )
        yield Action(
            HIDE,
            tr("Hide or show the selected tracks"),
            self._toggle_selected,
            shortcut="Shift+H",
            group=tr("View"),
            why_not=self.editor_reason(
                lambda editor: "" if editor.selected else tr("Select a track first.")
            ),
            tip=tr("Only on the canvas; a hidden track is seen while it is selected."),
        )
        yield Action(
            ALL,
            tr("Show all tracks"),
            lambda: self._use(self._look.of_all()),
            shortcut="Ctrl+Shift+H",
            group=tr("View"),
            why_not=self._why_not_all,
            tip=tr("Nothing is hidden any more."),
        )

    @property
    def _look(self) -> TrackLook:
        workspace = self.studio.workspace
        return TrackLook() if workspace is None else workspace.look

    def _why_not_all(self) -> str:
        hides = self._look.only_selected or self._look.hidden
        return self.studio.why_not_open() or ("" if hides else tr("No track is hidden."))

    def hint(self) -> str:
        """What is hidden and how it is seen again, or an empty text."""
        workspace, actions = self.studio.workspace, self.studio.actions
        if workspace is None:
            return ""
        only, back = (actions[i].shortcut or f"“{actions[i].text}”" for i in (ONLY, ALL))
        unseen = workspace.look.hidden.difference(workspace.editor.selected)
        count = sum(track_id in workspace.index for track_id in unseen)
        told = []
        if workspace.look.only_selected:
            text = tr("Select a track to see it alone; {key} ends this.")
            if workspace.editor.selected:
                text = tr("Only the selected tracks are shown; {key} shows all.")
                if count:
                    text = tr("Only the selected tracks are shown; {key} ends this.")
            told.append(text.format(key=only))
        if count:
            text = tr("{count} tracks are hidden; {key} shows them.")
            text = tr("1 track is hidden; {key} shows it.") if count == 1 else text
            told.append(text.format(count=count, key=back))
        if self._strokes_stop_unseen():
            told.append(tr("With “No overlap”, strokes stop at hidden masks of this frame."))
        return " ".join(told)

    def _strokes_stop_unseen(self) -> bool:
        """Whether the shown frame has masks that are not seen and not painted over."""
        workspace = self.studio.workspace
        if workspace is None or workspace.editor.paint_over is not PaintOver.FORBID:
            return False
        look, editor = workspace.look, workspace.editor
        if editor.why_not_write() or not (look.hidden or look.only_selected):
            return False
        here = range(editor.frame_index, editor.frame_index + 1)
        return self._count_unseen(here, workspace.index.track_ids()) > 0

    def _count_unseen(self, frames: range, track_ids: Iterable[int]) -> int:
        """How many tracks are not seen and have a mask on some frames.

        Until a worker has read the masks of a video that has very many, any track may have one.
        """
        workspace = self.workspace
        look, index, selected = workspace.look, workspace.index, workspace.editor.selected
        return sum(
            not index.is_loaded or index.has_mask_within(track_id, frames)
            for track_id in track_ids
            if not look.shows(track_id, selected)
        )

    def reveal(self, frames: range, track_ids: Sequence[int] = ()) -> str:
        """Show all tracks if one is not seen that has a mask on some frames.

        So nothing unseen is approved.

        Args:
            frames: The frames.
            track_ids: Only these tracks count; all of them if empty.

        Returns:
            What is shown now, or an empty text where nothing was hidden there.
        """
        count = self._count_unseen(frames, track_ids or self.workspace.index.track_ids())
        if not count:
            return ""
        self._use(self._look.of_all())
        if count == 1:
            return tr("1 hidden track is shown")
        return tr("{count} hidden tracks are shown").format(count=count)

    def refresh(self) -> None:
        """Tell on the eye, too, that something is hidden."""
        self._told_of_strokes = self._strokes_stop_unseen()
        self.studio.panel.tools.show_hidden(self.hint())

    def frame_changed(self, frame_index: int) -> None:
        """Strokes stop at hidden masks on some frames and not on others."""
        if self._strokes_stop_unseen() != self._told_of_strokes:
            self.studio.presenter.head()
            self.refresh()

    def closing(self, workspace: Workspace, *, keep_project: bool) -> None:
        """Nothing is hidden where nothing is open."""
        self.studio.panel.tools.show_hidden("")

    def selection_changed(self, track_ids: tuple[int, ...]) -> None:
        """What is seen depends on what is selected."""
        if self._look.only_selected or self._look.hidden:
            self.studio.presenter.head()
            self.refresh()

    def _toggle_only(self) -> None:
        self._use(replace(self._look, only_selected=not self._look.only_selected))

    def _toggle_selected(self) -> None:
        selected = self.workspace.editor.selected
        look = self._look.toggled(selected)
        self._use(look)
        if look.hidden.issuperset(selected):
            self.studio.select(())  # what is selected is seen

    def _use(self, look: TrackLook) -> None:
        self.workspace.look = look
        self.studio.panel.banner.outdate()  # it may say that nothing is hidden
        presenter = self.studio.presenter
        presenter.canvas()
        presenter.head()
        presenter.actions()
        self.refresh()
