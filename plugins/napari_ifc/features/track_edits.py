"""What can be done to the selected tracks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from ifc_core.annotation import EditResult, Scope
from ifc_core.annotation.edits import OverlapRule
from ifc_core.errors import IFCError
from napari_ifc.actions import Action
from napari_ifc.controllers.bulk import masks_text, tracks_text
from napari_ifc.controllers.colors import make_neighbours_differ
from napari_ifc.controllers.identity_words import (
    merged_text,
    separated_text,
    split_text,
    swapped_text,
)
from napari_ifc.controllers.track_ops import Reach, TrackOps
from napari_ifc.feature import NOTHING_OPEN, Feature
from napari_ifc.journal_text import note_text
from napari_ifc.language import tr
from napari_ifc.views.class_dialog import ClassDialog

if TYPE_CHECKING:
    from napari_ifc.workspace import Workspace

GROUP, IDENTITY = tr("Track"), "identity"
_GIVEN_UP = "both tracks had a mask"  # in the note of a merge
_FRAMES, _CLEARED, _FILLED = "frames", tr("Clear and mark absent"), tr("Begin, end and fill")


class TrackEdits(Feature):
    """Making, relabelling, merging, splitting, swapping, approving and deleting tracks."""

    ops: TrackOps | None = None

    def opened(self, workspace: Workspace) -> None:
        """Make the operations on the video's tracks."""
        session = workspace.session
        self.ops = TrackOps(session.project, session.entry, workspace.index, workspace.editor)

    def closing(self, workspace: Workspace, *, keep_project: bool) -> None:
        """Nothing is open any more."""
        self.ops = None

    def actions(self) -> Iterable[Action]:
        """Each is one edit."""
        whole = self.editor_reason(lambda e: e.why_not_tracks())
        yield Action(
            "track.new",
            tr("New track"),
            self._new_track,
            shortcut="N",
            group=GROUP,
            why_not=self.editor_reason(lambda e: e.why_not_change()),
            tip=tr("Take the brush and paint an object that has no track yet."),
        )
        yield Action(
            "track.relabel",
            tr("Change class…"),
            self._ask_class,
            shortcut="R",
            group=GROUP,
            why_not=whole,
            tip=tr("Give the selected tracks another class."),
        )
        yield Action(
            "track.approve",
            tr("Approve track"),
            self._approve,
            shortcut="Shift+A",
            group=GROUP,
            why_not=whole,
            tip=tr(
                "Say that every mask of the selected tracks is right, and none is missing: where "
                "a track has no mask, exports take it for absent."
            ),
        )
        yield Action(
            "track.delete",
            tr("Delete tracks"),
            self._delete,
            shortcut="Del",  # as Qt writes it, so that one who chooses it is refused
            group=GROUP,
            why_not=whole,
            tip=tr("Delete the selected tracks with all their masks; undo brings them back."),
        )
        yield from self._identity_actions()
        yield from self._piece_actions()
        yield from self._frame_actions()
        yield from self._order_actions()

    def _approve(self) -> None:
        editor = self.workspace.editor
        count = len(editor.selected)
        result = editor.approve_tracks()
        text = tr("Approved {tracks_text} with {masks_text}.")
        if not result.num_masks:
            text = tr("Approved {tracks_text}; every mask was reviewed before.")
        masks = masks_text(result.num_masks)
        self.studio.inform(text.format(tracks_text=tracks_text(count), masks_text=masks))

    def _delete(self) -> None:
        editor = self.workspace.editor
        count = len(editor.selected)
        result = editor.delete()
        told = tr("Deleted {tracks_text} with {masks_text}.").format(
            tracks_text=tracks_text(count), masks_text=masks_text(-result.masks_gained)
        )
        if editor.current is not None:
            now = tr("Track {track_id} is selected now; strokes change it.")
            told = f"{told} {now.format(track_id=editor.current)}"
        self.studio.inform(told)

    def _identity_actions(self) -> Iterable[Action]:
        swaps, merges = tr("Swap identities"), tr("Merge")
        yield Action(
            "track.merge",
            tr("Merge tracks"),
            self._merge,
            shortcut="G",
            group=GROUP,
            section=IDENTITY,
            submenu=merges,
            why_not=self.editor_reason(lambda e: e.why_not_merge()),
            tip=tr(
                "Make one track of the selected ones; where two have a mask, one of them stays."
            ),
        )
        yield Action(
            "track.merge_joined",
            tr("Merge tracks, masks joined"),
            lambda: self._merge(OverlapRule.UNION),
            group=GROUP,
            section=IDENTITY,
            submenu=merges,
            why_not=self.editor_reason(lambda e: e.why_not_merge()),
            tip=tr("Make one track of the selected ones; where several have a mask, all of it."),
            words=tr("union unite parts of one object"),
        )
        yield Action(
            "track.split",
            tr("Split track here"),
            self._split,
            shortcut="S",
            group=GROUP,
            section=IDENTITY,
            why_not=self.editor_reason(lambda e: e.why_not_split()),
            tip=tr("From this frame on the object becomes a track of its own."),
        )
        yield Action(
            "track.swap",
            tr("Swap identities from here"),
            lambda: self._swap(Reach.ONWARD),
            shortcut="W",
            group=GROUP,
            section=IDENTITY,
            submenu=swaps,
            why_not=self.editor_reason(lambda e: e.why_not_swap()),
            tip=tr("Exchange two tracks from this frame on."),
        )

        for name, text, key, reach in (
            ("frame", tr("Swap identities on this frame"), "Shift+W", Reach.FRAME),
            ("all", tr("Swap identities everywhere"), "", Reach.TRACK),
        ):
            yield Action(
                f"track.swap_{name}",
                text,
                lambda reach=reach: self._swap(reach),
                shortcut=key,
                group=GROUP,
                section=IDENTITY,
                submenu=swaps,
                why_not=self.editor_reason(
                    lambda e, every=reach is Reach.TRACK: e.why_not_swap(everywhere=every)
                ),
            )

    def _piece_actions(self) -> Iterable[Action]:
        for name, text, key, onward, tip in (
            (
                *("separate", tr("Separate pieces"), "Shift+L", False),
                tr(
                    "The largest piece stays with the track, each other one becomes a track. "
                    "Things that touch are parted with the eraser first."
                ),
            ),
            (
                *("separate_onward", tr("Separate pieces from here on"), "", True),
                tr("The same on the frames that follow, as long as the pieces stay apart."),
            ),
        ):
            yield Action(
                f"mask.{name}",
                text,
                lambda onward=onward: self._separate(onward=onward),
                shortcut=key,
                group=tr("Draw"),
                why_not=self.editor_reason(lambda e: e.why_not_reshape()),
                tip=tip,
                words=tr("divide split cut apart mask"),
            )

    def _separate(self, *, onward: bool) -> None:
        assert self.ops is not None  # noqa: S101 - why_not was asked before
        track_id = self.workspace.editor.selected[0]
        result = self.ops.separate(onward=onward)
        if result is None:
            self.studio.inform(
                tr("The mask is in one piece: draw a line across it with the eraser first.")
            )
            return
        self._tell(separated_text(track_id, result.tracks_added), result)

    def _merge(self, overlap: OverlapRule = OverlapRule.PREFER_HUMAN) -> None:
        editor, index = self.workspace.editor, self.workspace.index
        kept, *others = editor.selected
        lost = [index.class_name(track_id) for track_id in others]
        result = editor.merge(overlap)
        text = merged_text(kept, others, index.class_name(kept), lost)
        parts = [text, note_text(result.note)]
        if _GIVEN_UP in result.note:
            parts.append(tr("To keep both, undo and choose Merge tracks, masks joined."))
        self.studio.inform(" ".join(filter(None, parts)))

    def _split(self) -> None:
        editor = self.workspace.editor
        (track_id,) = editor.selected
        result = editor.split()
        (new_id,) = result.tracks_added
        self._tell(split_text(track_id, editor.frame_index, new_id), result)

    def _swap(self, reach: Reach) -> None:
        editor = self.workspace.editor
        first, second = editor.selected
        scope = reach.scope(editor.frame_index)
        result = editor.swap(scope)
        self._tell(swapped_text(first, second, scope), result)

    def _tell(self, text: str, result: EditResult) -> None:
        """Say what an edit did, and what it did besides, which alone was said until now."""
        self.studio.inform(" ".join(filter(None, (text, note_text(result.note)))))

    def _frame_actions(self) -> Iterable[Action]:
        """What is done to the frames of tracks: (name, text, key, tip, do it, why not)."""
        rows: tuple[
            tuple[str, str, str, str, Callable[[TrackOps], object], Callable[[TrackOps], str]], ...
        ] = (
            (
                *("clear", tr("Clear the mask on this frame"), "Backspace"),
                tr("Take the track back to not annotated here."),
                lambda o: o.clear(Reach.FRAME),
                lambda o: o.why_not_clear(Reach.FRAME),
            ),
            (
                *("clear_onward", tr("Clear masks from here on"), "Shift+Backspace"),
                tr("Take the track back to not annotated on this frame and all that follow."),
                lambda o: o.clear(Reach.ONWARD),
                lambda o: o.why_not_clear(Reach.ONWARD),
            ),
            (
                *("begin_here", tr("Begin the track here"), "Ctrl+["),
                tr("Trim what lies before this frame."),
                lambda o: o.begin_here(),
                lambda o: o.why_not_begin_here(),
            ),
            (
                *("end_here", tr("End the track here"), "Ctrl+]"),
                tr("Trim what lies after this frame."),
                lambda o: o.end_here(),
                lambda o: o.why_not_end_here(),
            ),
            (
                *("extend", tr("Extend the track to here"), "Shift+X"),
                tr("Carry the nearest end of the track unchanged up to this frame."),
                lambda o: o.extend_here(),
                lambda o: o.why_not_extend(),
            ),
            (
                *("copy_before", tr("Copy the mask from the frame before"), "Ctrl+D"),
                tr("The nearest earlier mask of the track, unchanged."),
                lambda o: o.copy_here(forward=True),
                lambda o: o.why_not_copy(forward=True),
            ),
            (
                *("copy_after", tr("Copy the mask from the frame after"), "Ctrl+Shift+D"),
                tr("The nearest later mask of the track, unchanged."),
                lambda o: o.copy_here(forward=False),
                lambda o: o.why_not_copy(forward=False),
            ),
            (
                *("interpolate", tr("Interpolate around this frame"), "Shift+I"),
                tr("Fill the frames between two corrected masks, or a gap."),
                lambda o: o.interpolate(),
                lambda o: o.why_not_interpolate(),
            ),
        )
        for name, text, key, tip, do, why in rows:
            yield Action(
                f"track.{name}",
                text,
                lambda do=do: self._do(do),
                shortcut=key,
                group=GROUP,
                section=_FRAMES,
                submenu=_CLEARED if name.startswith("clear") else _FILLED,
                why_not=lambda why=why: self._ask(why),
                tip=tip,
            )
        yield Action(
            "track.absent",
            tr("Mark absent on this frame"),
            self.edit(lambda e: e.mark_absent()),
            shortcut="O",
            group=GROUP,
            why_not=self.editor_reason(lambda e: e.why_not_selected()),
            section=_FRAMES,
            submenu=_CLEARED,
            tip=tr("Say that the object is not to be seen on this frame."),
        )
        yield Action(
            "track.absent_onward",
            tr("Mark absent from here on"),
            self.edit(lambda e: e.mark_absent(Scope.from_here(e.frame_index))),
            shortcut="Shift+O",
            group=GROUP,
            section=_FRAMES,
            submenu=_CLEARED,
            why_not=self.editor_reason(lambda e: e.why_not_selected()),
            tip=tr("Say that the object is gone on this frame and all that follow."),
        )

    def _order_actions(self) -> Iterable[Action]:
        order = tr("Order and colours")
        for name, text, key, where in (
            ("to_top", tr("Bring to the top"), "Ctrl+Shift+Up", "top"),
            ("up", tr("Bring one up"), "Ctrl+Up", "up"),
            ("down", tr("Send one down"), "Ctrl+Down", "down"),
            ("to_bottom", tr("Send to the bottom"), "Ctrl+Shift+Down", "bottom"),
        ):
            yield Action(
                f"track.{name}",
                text,
                lambda where=where: self._do(lambda o: o.reorder(where)),
                shortcut=key,
                group=GROUP,
                section=_FRAMES,
                submenu=order,
                why_not=lambda where=where: self._ask(lambda o: o.why_not_reorder(where)),
                tip=tr("Where masks overlap the upper track is seen."),
            )

        yield Action(
            "track.recolor",
            tr("Make touching tracks differ in colour"),
            self._recolor,
            group=GROUP,
            section=_FRAMES,
            submenu=order,
            why_not=self.editor_reason(lambda e: e.why_not_write()),
            tip=tr("Tracks that touch one of their own hue get another; the rest keep theirs."),
        )

    def _recolor(self) -> None:
        session, editor = self.workspace.session, self.workspace.editor
        result = make_neighbours_differ(session.project, session.entry, editor)
        if result is None:
            self.studio.inform(tr("All tracks that touch differ in colour already."))

    def _do(self, change: Callable[[TrackOps], object]) -> None:
        assert self.ops is not None  # noqa: S101 - why_not was asked before
        change(self.ops)

    def _ask(self, why: Callable[[TrackOps], str]) -> str:
        return NOTHING_OPEN if self.ops is None else why(self.ops)

    def _new_track(self) -> None:
        self.studio.select(())
        self.studio.layers.set_mode("paint")
        self.studio.inform(tr("Paint the new object: its track begins with your first stroke."))

    def _ask_class(self) -> None:
        workspace = self.workspace
        classes = [c.name for c in workspace.session.project.categories()]
        current = workspace.editor.current
        assert current is not None  # noqa: S101 - why_not was asked before
        dialog = ClassDialog(classes, workspace.index.class_name(current), self.studio.panel)
        dialog.chosen.connect(self._relabel)
        dialog.open()

    def _relabel(self, class_name: str, reach: str) -> None:
        editor = self.workspace.editor
        try:
            editor.relabel(class_name, Reach(reach).scope(editor.frame_index))
        except IFCError as error:
            self.studio.fail(error)
