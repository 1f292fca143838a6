"""Filters on tracks, and edits of all tracks that meet one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from ifc_core.annotation import TrackFilter
from napari_ifc.actions import Action
from napari_ifc.controllers.bulk import BulkController, tracks_text
from napari_ifc.feature import Feature
from napari_ifc.features.timeline import TimelineLink
from napari_ifc.language import tr
from napari_ifc.views.class_dialog import ClassDialog

if TYPE_CHECKING:
    from napari_ifc.studio import Studio
    from napari_ifc.workspace import Workspace

GROUP = tr("Review")
UNLIKELY_BELOW = 0.3
"""Of the bundled model's tracks with a lower score four in five fit no object well: its scores
count in how well masks seem to fit. Where they do not, or where the masks are of cells, of which
half fit, nobody is told that they are nothing."""
_ONE_STEP = tr("One step to undo.")


class BulkEdits(Feature):
    """The filter over the table of tracks; each bulk action is one step of the history."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self._found: tuple[int, ...] = ()
        self._bar = studio.panel.tracks.filters
        self._bar.changed.connect(self._on_changed)
        self._bar.action_requested.connect(studio.run_action)
        studio.timeline.range_changed.connect(self._bar.show_range)

    def actions(self) -> Iterable[Action]:
        """Show the filter, and act on what meets it."""
        yield Action(
            "bulk.filter",
            tr("Filter tracks…"),
            self._show_filter,
            "Ctrl+F",
            GROUP,
            self.studio.why_not_open,
            tr("Choose tracks by class, state, score, area, length or range."),
        )
        yield Action(
            "bulk.unlikely",
            tr("Filter unlikely tracks"),
            self._show_unlikely,
            group=GROUP,
            why_not=self._why_not_unlikely,
            tip=tr("Choose the tracks with a score below {score} that nobody touched.").format(
                score=UNLIKELY_BELOW
            ),
        )
        rows: tuple[tuple[str, str, Callable[[], object], str], ...] = (
            (
                "bulk.select",
                tr("Select"),
                self._select,
                tr("Select the tracks that meet the filter."),
            ),
            (
                "bulk.approve",
                tr("Approve"),
                self._do(lambda b, i: b.approve(i)),
                _ONE_STEP,
            ),
            (
                "bulk.reject",
                tr("Reject"),
                self._do(lambda b, i: b.reject(i)),
                _ONE_STEP,
            ),
            ("bulk.relabel", tr("Relabel"), self._ask_class, _ONE_STEP),
            (
                "bulk.delete",
                tr("Delete"),
                self._do(lambda b, i: b.delete(i)),
                _ONE_STEP,
            ),
        )
        for action_id, verb, call, tip in rows:
            text = tr("{verb} all tracks that meet the filter").format(verb=verb)
            yield Action(action_id, text, call, "", GROUP, self._why_not, tip)
        yield Action(
            "track.restore_here",
            tr("Restore what is rejected on this frame"),
            self._restore_here,
            group=GROUP,
            why_not=self._why_not_restore_here,
            tip=tr("Bring back tracks that were rejected and have a mask here, and single masks."),
        )
        yield Action(
            "track.restore",
            tr("Restore all rejected tracks"),
            self._restore,
            group=GROUP,
            why_not=self._why_not_restore,
            tip=tr("Bring back every track of this video that was rejected."),
        )

    def started(self) -> None:
        """Give the buttons their names."""
        self._bar.bind_actions(self.studio.actions)

    def opened(self, workspace: Workspace) -> None:
        """Begin without conditions."""
        self._bar.clear()

    def refresh(self) -> None:
        """Find anew what meets the filter."""
        workspace = self.studio.workspace
        if workspace is None:
            self._found = ()
            self.studio.panel.tracks.show_only(None)
            return
        project, index = workspace.session.project, workspace.index
        self._bar.set_classes((c.id, c.name) for c in project.categories())
        # Without a condition, as mostly, there is nothing to look up after each stroke.
        is_open, bar = self._bar.is_open, self._bar
        self._found = index.track_ids() if is_open else self._bulk().find(bar.value(), bar.words)
        self.studio.panel.tracks.show_only(None if is_open else frozenset(self._found))
        self._bar.show_count(len(self._found), len(index))

    def actions_changed(self) -> None:
        """Enable what is possible."""
        self._bar.refresh_actions()

    def _bulk(self) -> BulkController:
        return self.studio.feature(TimelineLink).bulk()

    def _on_changed(self) -> None:
        self.refresh()
        self.actions_changed()

    def _why_not(self) -> str:
        if self.studio.workspace is not None and self._bar.is_open:
            return tr("Set a condition of the filter first.")
        none = "" if self._found else tr("No track meets the filter.")
        return self._why_not_write() or none

    def _show_filter(self) -> None:
        """Show the filter, or hide it where the keyboard is in it already."""
        panel = self.studio.panel
        focused = self._bar.focusWidget()
        is_in_it = self._bar.isVisible() and focused is not None and focused.hasFocus()
        panel.show_page("tracks")
        panel.tracks.show_filters(not is_in_it)
        if is_in_it:
            panel.focus_page()
        else:
            self._bar.focus_first()

    def unlikely(self) -> tuple[int, ...]:
        """Tracks that are probably nothing, by their score, and that nobody touched."""
        if self.studio.workspace is None:
            return ()
        return self._bulk().find(TrackFilter(score_below=UNLIKELY_BELOW, untouched_only=True))

    def _why_not_unlikely(self) -> str:
        reason = self.studio.why_not_open()
        return reason or ("" if self.unlikely() else tr("No untouched track has a low score."))

    def _show_unlikely(self) -> None:
        panel = self.studio.panel
        panel.show_page("tracks")
        panel.tracks.show_filters(True)
        self._bar.look_for_below(UNLIKELY_BELOW)
        self.studio.inform(
            tr("Look through them and reject what is nothing; one step takes it back.")
        )

    def _select(self) -> None:
        self.studio.select(self._found)
        self.studio.inform(
            tr("Selected {tracks_text}.").format(tracks_text=tracks_text(len(self._found)))
        )

    def _do(self, change: Callable[[BulkController, tuple[int, ...]], str]) -> Callable[[], None]:
        return lambda: self.studio.inform(change(self._bulk(), self._found))

    def _rejected_here(self) -> tuple[int, ...]:
        """Tracks that were rejected and have a mask on this frame, or whose mask here was."""
        bulk, frame_index = self._bulk(), self.workspace.editor.frame_index
        return (*bulk.rejected(frame_index), *bulk.rejected_masks(frame_index))

    def _why_not_restore(self) -> str:
        return self._why_not_write() or (
            "" if self._bulk().rejected() else tr("No track was rejected.")
        )

    def _why_not_restore_here(self) -> str:
        none = tr("Nothing that was rejected has a mask on this frame.")
        return self._why_not_write() or ("" if self._rejected_here() else none)

    def _why_not_write(self) -> str:
        workspace = self.studio.workspace
        return self.studio.why_not_open() if workspace is None else workspace.editor.why_not_write()

    def _restore(self) -> None:
        found = self._bulk().rejected()
        self._tell_restored(found, self._bulk().restore(found))

    def _restore_here(self) -> None:
        found = self._rejected_here()
        told = self._bulk().restore_here(self.workspace.editor.frame_index)
        self._tell_restored(found, told)

    def _tell_restored(self, track_ids: tuple[int, ...], told: str) -> None:
        self.studio.select(track_ids)
        self.studio.inform(told)

    def _ask_class(self) -> None:
        classes = [c.name for c in self.workspace.session.project.categories()]
        dialog = ClassDialog(classes, classes[0] if classes else "", self.studio.panel)
        dialog.reach.hide()  # a filter means whole tracks
        dialog.chosen.connect(lambda name, _: self.relabel(name))
        dialog.open()

    def relabel(self, class_name: str) -> None:
        """Give all tracks that meet the filter a class, made if it is new."""
        self._do(lambda bulk, ids: bulk.relabel(ids, class_name))()
