"""Everything a person does to tracks: each call is one edit, or a sentence why not."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from ifc_core.annotation import EditResult, Project, Scope, VideoEntry, edits
from ifc_core.annotation.edits import Edit, OverlapRule
from ifc_core.annotation.records import WHOLE
from ifc_core.errors import EditError
from ifc_core.structures import Category, MaskRecord, RLEMask
from ifc_core.structures.palette import unlike_color
from napari_ifc.controllers.journal_walk import joined, walk
from napari_ifc.controllers.mask_shapes import SHAPES, encode_mask, reshape
from napari_ifc.controllers.overlaps import PaintOver, order_for, overlapped, without_others
from napari_ifc.controllers.selection_after import selection_after
from napari_ifc.controllers.tracks import TrackIndex
from napari_ifc.journal_text import step_text
from napari_ifc.language import tr
from napari_ifc.mask_crops import crop_mask
from napari_ifc.rows import HistoryRow

Refine = Callable[[npt.NDArray[Any], npt.NDArray[Any]], npt.NDArray[Any]]
"""Takes the mask before and after a stroke; gives the one that is meant."""

_VIDEO = "Add video "  # how the line of an added video begins
_PAUSE_SECONDS = 60.0
_DEFAULT_CLASS = "object"


@dataclass(frozen=True, slots=True)
class Aim:
    """Where a stroke goes.

    Attributes:
        track_id: The track; ``None`` for a new one.
        frame_index: The frame.
    """

    track_id: int | None
    frame_index: int


class EditController:
    """Turns requests into edits of the project, for the selected tracks and current frame.

    Args:
        project: What is edited.
        entry: The video that is shown.
        index: Its tracks; kept current here.
        on_changed: Called after each edit, undo and redo with what changed.
        clock: Seconds, monotonic; replaced in tests.

    Attributes:
        selected: The selected tracks, the current one first.
        frame_index: The frame that is shown.
        paint_over: What painting over another track's mask means.
        refiners: For some tools (by their word): what a stroke of them means.
        new_class_id: Class of tracks that are begun; the first one if ``None``.
        listed: Gives the tracks in the order in which they are listed.
    """

    def __init__(
        self,
        project: Project,
        entry: VideoEntry,
        index: TrackIndex,
        on_changed: Callable[[EditResult], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._project = project
        self._entry = entry
        self._index = index
        self._on_changed = on_changed
        self._clock = clock
        self._since = clock()
        self.selected: tuple[int, ...] = ()
        self.frame_index = 0
        self.paint_over = PaintOver.KEEP
        self.refiners: dict[str, Refine] = {}
        self.new_class_id: int | None = None
        self.listed: Callable[[], tuple[int, ...]] = lambda: tuple(index.track_ids())
        self._awaited: int | None = None
        self._in_vain = False

    @property
    def current(self) -> int | None:
        """The track that drawing changes: the first selected one."""
        return self.selected[0] if self.selected else None

    @property
    def aim(self) -> Aim:
        """Where a stroke that begins now goes."""
        return Aim(self.current, self.frame_index)

    def select(self, track_ids: tuple[int, ...]) -> None:
        """Choose tracks, the current one first; ids that are gone are dropped."""
        self.selected = tuple(i for i in track_ids if i in self._index)
        self._since = self._clock()

    def go_to(self, frame_index: int) -> None:
        """Tell which frame is shown."""
        if frame_index != self.frame_index:
            self.frame_index = frame_index
            self._since = self._clock()

    def wait_for(self, frame_index: int | None, *, in_vain: bool = False) -> None:
        """Tell that a frame is still being decoded, so that nothing is changed on it unseen.

        Args:
            frame_index: The frame; ``None`` once its picture is there.
            in_vain: Whether it cannot be decoded at all.
        """
        self._awaited, self._in_vain = frame_index, in_vain

    # Drawing

    def mask_to_edit(self, record: MaskRecord | None = None) -> npt.NDArray[np.uint8]:
        """(H, W) uint8 with 1 inside the current track's mask on the current frame.

        Args:
            record: The mask, where it was read already.
        """
        return self._mask_at(self.aim, record)

    def _mask_at(self, aim: Aim, record: MaskRecord | None = None) -> npt.NDArray[np.uint8]:
        blank = np.zeros(self._entry.size, dtype=np.uint8)
        if aim.track_id is None:
            return blank
        record = record or self._project.mask(aim.track_id, aim.frame_index)
        shown = None if record is None else record.shown
        crop = None if shown is None else crop_mask(shown)
        if crop is not None:
            left, top, inside = crop
            blank[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
        return blank

    def commit_mask(
        self, mask: npt.NDArray[Any], tool: str, aim: Aim | None = None
    ) -> EditResult | None:
        """Store what was drawn; without a track a new one begins.

        Args:
            mask: (H, W), non-zero inside.
            tool: Word for the history list.
            aim: Whose mask was drawn on, whatever is selected by now; the current track's on
                the shown frame if ``None``.

        Returns:
            What changed, or ``None`` where nothing did.

        Raises:
            EditError: The track is gone.
        """
        aim = aim or self.aim
        if aim.track_id is not None and aim.track_id not in self._index:
            text = tr("Track {track_id} is gone, so what was just drawn on it was dropped.")
            raise EditError(text.format(track_id=aim.track_id), path=self._project.folder)
        refine = self.refiners.get(tool)
        if refine is not None:
            mask = refine(self._mask_at(aim), mask)
        return self._store(encode_mask(mask), tool, aim)

    def commit_rle(
        self,
        rle: RLEMask,
        tool: str,
        *,
        track_id: int | None = None,
        frame_index: int | None = None,
    ) -> EditResult | None:
        """Store a mask; without a track a new one begins.

        Args:
            rle: The mask; an empty one says that the object is absent.
            tool: Word for the history list.
            track_id: The track; the current one if ``None``.
            frame_index: The frame; the one that is shown if ``None``.

        Returns:
            What changed, or ``None`` where nothing did.
        """
        frame_index = self.frame_index if frame_index is None else frame_index
        track_id = self.current if track_id is None else track_id
        return self._store(rle, tool, Aim(track_id, frame_index))

    def _store(self, rle: RLEMask, tool: str, aim: Aim) -> EditResult | None:
        track_id, frame_index = aim.track_id, aim.frame_index
        seconds = min(self._clock() - self._since, _PAUSE_SECONDS)
        before = self._shown(track_id, frame_index)
        rle = self.off_others(rle, track_id, frame_index)
        if track_id is None:
            return self._begin_track(rle, frame_index, seconds) if rle.area else None
        if rle == before or (before is None and not rle.area):
            return None
        edit: Edit = edits.SetMask(track_id, frame_index, rle, seconds, tool)
        if self.paint_over in (PaintOver.TOP, PaintOver.BELOW):
            others = self._others(track_id, frame_index)
            touched = {other.track_id for other in overlapped(rle, others)}
            tracks = self._project.tracks(self._entry.id)
            order = order_for(tracks, track_id, touched, self.paint_over)
            if order is not None:
                edit = edits.Batch((edit, edits.SetZOrder(self._entry.id, order)))
        return self.apply(edit)

    def off_others(self, rle: RLEMask, track_id: int | None, frame_index: int) -> RLEMask:
        """A mask without the pixels of other tracks, where they are not to be painted over."""
        if self.paint_over is not PaintOver.FORBID:
            return rle
        before = self._shown(track_id, frame_index)
        return without_others(rle, before, self._others(track_id, frame_index))

    def _shown(self, track_id: int | None, frame_index: int) -> RLEMask | None:
        """A track's mask, unless it was rejected."""
        record = None if track_id is None else self._project.mask(track_id, frame_index)
        return None if record is None else record.shown

    def _others(self, track_id: int | None, frame_index: int) -> list[MaskRecord]:
        if self.paint_over is PaintOver.KEEP:
            return []
        records = self._project.masks_at(self._entry.id, frame_index)
        return [record for record in records if record.track_id != track_id]

    def _begin_track(self, rle: RLEMask, frame_index: int, seconds: float) -> EditResult:
        category_id, needed = self._category_for_new()
        new = edits.NewTrack(self._entry.id, category_id, frame_index, rle, seconds_spent=seconds)
        edit: Edit = edits.Batch((*needed, new), label="New track") if needed else new
        return self.apply(edit, select_added=True)

    def _category_for_new(self) -> tuple[int, tuple[Edit, ...]]:
        ids = [category.id for category in self._project.categories()]
        if self.new_class_id in ids:
            return ids[ids.index(self.new_class_id)], ()
        if ids:
            return ids[0], ()
        new_id = self._project.free_category_id()
        return new_id, (edits.SetCategory(Category(new_id, _DEFAULT_CLASS)),)

    def default_class(self) -> str:
        """Name of the class that a new track gets."""
        category_id = self._category_for_new()[0]
        names = {category.id: category.name for category in self._project.categories()}
        return names.get(category_id, _DEFAULT_CLASS)

    def reshape(self, name: str, amount_px: int = 2) -> EditResult | None:
        """Tidy the current track's mask on the current frame.

        Args:
            name: A key of :data:`napari_ifc.controllers.mask_shapes.SHAPES`.
            amount_px: How far, for those that have an amount.

        Returns:
            What changed, or ``None`` where nothing did.
        """
        assert self.current is not None  # noqa: S101 - why_not_reshape was asked before
        shown = self._shown(self.current, self.frame_index)
        assert shown is not None  # noqa: S101
        return self.commit_rle(reshape(shown, name, amount_px), SHAPES[name][0])

    # Edits of tracks

    def apply(self, edit: Edit, *, select_added: bool = False) -> EditResult:
        """Make one edit and tell what changed.

        Args:
            edit: The edit.
            select_added: Whether the tracks it begins become the selection. That is done
                before anybody is told, so that the brush holds the new track's mask at once.

        Raises:
            EditError: It does not fit the present state; nothing was changed.
        """
        result = self._project.apply(edit)
        self._take_in(result, select_added=select_added)
        return result

    def delete(self) -> EditResult:
        """Delete the selected tracks."""
        return self.apply(edits.DeleteTracks(self.selected))

    def relabel(self, class_name: str, scope: Scope = WHOLE) -> EditResult:
        """Give the selected tracks a class, which is made if it is new.

        Args:
            class_name: Its name.
            scope: The frames; those outside stay what they are, as a track of their own.
        """
        for category in self._project.categories():
            if category.name == class_name:
                return self.apply(edits.RelabelTracks(self.selected, category.id, scope))
        new_id = self._project.free_category_id()
        color = unlike_color([c.color_rgb for c in self._project.categories()])
        steps = (
            edits.SetCategory(Category(new_id, class_name, color_rgb=color)),
            edits.RelabelTracks(self.selected, new_id, scope),
        )
        return self.apply(edits.Batch(steps, label=f"Relabel to {class_name}"))

    def merge(self, overlap: OverlapRule = OverlapRule.PREFER_HUMAN) -> EditResult:
        """Merge the selected tracks into the current one; the rule says which masks stay."""
        assert self.current is not None  # noqa: S101 - why_not_merge was asked before
        return self.apply(edits.MergeTracks(self.current, self.selected[1:], overlap))

    def split(self) -> EditResult:
        """Split the current track at the current frame; the new part is selected."""
        assert self.current is not None  # noqa: S101
        return self.apply(edits.SplitTrack(self.current, self.frame_index), select_added=True)

    def swap(self, scope: Scope | None = None) -> EditResult:
        """Exchange two tracks' identities, by default from the current frame on."""
        first, second = self.selected
        scope = scope or Scope.from_here(self.frame_index)
        return self.apply(edits.SwapIdentities(first, second, scope))

    def mark_absent(self, scope: Scope | None = None) -> EditResult:
        """Say that the selected tracks are not to be seen, by default on the current frame."""
        scope = scope or Scope.this_frame(self.frame_index)
        steps = tuple(edits.MarkAbsent(track_id, scope) for track_id in self.selected)
        label = f"Mark {len(steps)} tracks absent, {scope.describe()}"
        return self.apply(steps[0] if len(steps) == 1 else edits.Batch(steps, label=label))

    def approve_tracks(self) -> EditResult:
        """Approve every mask of the selected tracks."""
        return self.apply(edits.ApproveTracks(self.selected))

    def approve_frame(self) -> EditResult:
        """Approve the current frame: everything on it is annotated."""
        scope = Scope.this_frame(self.frame_index)
        kind = edits.UnapproveFrames if self.frame_is_approved() else edits.ApproveFrames
        return self.apply(kind(self._entry.id, scope))

    def frame_is_approved(self) -> bool:
        """Whether the current frame is approved."""
        return self._project.frame_is_exhaustive(self._entry.id, self.frame_index)

    # One journal

    def undo(self) -> EditResult | None:
        """Take back the last edit of any kind, but never the video that is shown.

        Raises:
            EditError: The last edit brought the shown video in.
        """
        result = self._project.undo()
        if result is not None and self._has_lost_video(result):
            self._stay_before(result)
        return self._take_in(result)

    def redo(self) -> EditResult | None:
        """Do the next undone edit again, but never take the shown video away.

        Raises:
            EditError: The next edit removes the video that is shown.
        """
        result = self._project.redo()
        if result is not None and self._has_lost_video(result):
            self._stay_before(result)
        return self._take_in(result)

    def _has_lost_video(self, result: EditResult) -> bool:
        if self._entry.id not in result.videos_changed:
            return False
        return all(entry.id != self._entry.id for entry in self._project.videos())

    def _stay_before(self, result: EditResult) -> NoReturn:
        """Take back a step that took the shown video away, and say so."""
        if result.direction == "undo":
            self._project.redo()
            text = tr("The step before this one brought the video in; close it instead.")
        else:
            self._project.undo()
            text = tr("The next step removes the video that is shown; show another one first.")
        raise EditError(text, path=self._project.folder)

    def go_to_step(self, number: int) -> None:
        """Undo or redo until ``number`` is the last edit that stands; it is told of once.

        Raises:
            EditError: A step on the way takes the video that is shown away; it ends before that.
        """
        taken: list[EditResult] = []
        try:
            for result in walk(self._project, number):
                if self._has_lost_video(result):
                    self._stay_before(result)
                taken.append(result)
        finally:
            if taken:
                self._take_in(joined(taken))

    def follow(self, result: EditResult) -> None:
        """Take in an edit of very many tracks that was made beside this object: read anew."""
        self._index.reload()
        self.selected = tuple(i for i in self.selected if i in self._index)
        self._on_changed(result)

    def history(self) -> list[HistoryRow]:
        """The journal, newest first."""
        entries = self._project.history()
        return [HistoryRow(e.seq, step_text(e.label), e.undone, e.created_at) for e in entries]

    def _take_in(
        self, result: EditResult | None, *, select_added: bool = False
    ) -> EditResult | None:
        if result is None:
            return None
        listed = self.listed() if result.tracks_removed else ()
        self._index.apply(result)
        wanted = result.tracks_added if select_added else self.selected
        self.selected = selection_after(result, wanted, listed, self._index)
        self._since = self._clock()
        self._on_changed(result)
        return result

    # Why not

    def why_not_write(self) -> str:
        """Why not even what concerns no single frame can be changed, or an empty string."""
        return tr("The project is open for reading only.") if self._project.read_only else ""

    def why_not_change(self) -> str:
        """Why nothing can be changed on the current frame, or an empty string."""
        reason = self.why_not_write()
        if reason or self._awaited is None:
            return reason
        text = tr("Frame {awaited} is still being decoded; wait until it is seen.")
        if self._in_vain:
            text = tr("Frame {awaited} cannot be decoded; go to another frame.")
        return text.format(awaited=self._awaited)

    def why_not_selected(self) -> str:
        """Why an action on the selected tracks is not possible."""
        return self.why_not_change() or ("" if self.selected else tr("Select a track first."))

    def why_not_tracks(self) -> str:
        """Why an action on the selected tracks as wholes, on whatever frame, is not possible."""
        return self.why_not_write() or ("" if self.selected else tr("Select a track first."))

    def why_not_reshape(self) -> str:
        """Why there is no mask to tidy."""
        reason = self.why_not_selected()
        if reason:
            return reason
        missing = self._shown(self.current, self.frame_index) is None
        return tr("The current track has no mask on this frame.") if missing else ""

    def why_not_merge(self) -> str:
        """Why merging is not possible."""
        few = "" if len(self.selected) >= 2 else tr("Select two or more tracks to merge.")
        return self.why_not_write() or few

    def why_not_swap(self, *, everywhere: bool = False) -> str:
        """Why swapping, from or on the current frame or everywhere, is not possible."""
        wrong = "" if len(self.selected) == 2 else tr("Select exactly two tracks to swap.")
        return (self.why_not_write() if everywhere else self.why_not_change()) or wrong

    def why_not_split(self) -> str:
        """Why splitting is not possible."""
        reason = self.why_not_change()
        if reason:
            return reason
        if len(self.selected) != 1:
            return tr("Select exactly one track to split.")
        frames = self._index.masked_frames(self.selected[0])
        if not frames or not frames[0] < self.frame_index <= frames[-1]:
            return tr("Go to a frame inside the track, behind its first one, to split it there.")
        return ""

    def why_not_undo(self) -> str:
        """Why nothing can be undone."""
        reason = self.why_not_write()
        if reason:
            return reason
        label = self._project.undo_label
        if label is None:
            return tr("There is nothing to undo.")
        may_be_video = label.startswith(_VIDEO)  # few are: the rest is read
        if may_be_video and self._last_kind() == "AddVideo":
            ids = [entry.id for entry in self._project.videos()]
            if ids == [self._entry.id]:
                return tr("There is nothing to undo.")
            if max(ids) == self._entry.id:  # they count up, so it is the one that came last
                return tr("The last step brought this video in; show another one to undo it.")
        return ""

    def _last_kind(self) -> str:
        return next((e.kind for e in self._project.history() if not e.undone), "")

    def why_not_redo(self) -> str:
        """Why nothing can be redone."""
        nothing = "" if self._project.redo_label else tr("There is nothing to redo.")
        return self.why_not_write() or nothing
