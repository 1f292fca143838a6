"""Edits of many tracks or many frames: each is one step, and says what it did."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ifc_core.annotation import EditResult, Project, Scope, TrackFilter, VideoEntry, edits
from ifc_core.annotation.edits import Edit
from ifc_core.annotation.edits.base import numbers_of
from ifc_core.annotation.review import meets
from ifc_core.structures import Category, TrackState
from ifc_core.structures.palette import unlike_color
from napari_ifc.controllers.track_frames import runs_of
from napari_ifc.controllers.tracks import TrackIndex
from napari_ifc.language import tr
from napari_ifc.rows import FrameRange

Apply = Callable[[Edit], EditResult]


class BulkController:
    """Filters and bulk edits of the video that is shown.

    Args:
        project: What is edited.
        entry: The video.
        index: Its tracks.
        apply: Makes an edit and tells the window, as ``EditController.apply``.
    """

    def __init__(
        self, project: Project, entry: VideoEntry, index: TrackIndex, apply: Apply
    ) -> None:
        self._project = project
        self._entry = entry
        self._index = index
        self._apply = apply

    # Filters

    def find(self, where: TrackFilter, words: str = "") -> tuple[int, ...]:
        """Tracks that meet every condition, by id; rejected ones are never among them.

        Args:
            where: The conditions.
            words: One more: what the line of the track holds.
        """
        index = self._index
        held = (row.track_id for row in index.rows() if row.holds(words))
        return tuple(
            i
            for i in held
            if meets(
                index.header(i),
                index.frames(i).columns,
                where,
                is_linked=index.kinship.is_linked(i),
            )
        )

    # Tracks

    def approve(self, track_ids: tuple[int, ...]) -> str:
        """Approve every mask of some tracks; says what was done."""
        result = self._apply(edits.ApproveTracks(track_ids))
        return tr("Approved {tracks_text} with {masks_text}.").format(
            tracks_text=tracks_text(len(track_ids)), masks_text=masks_text(result.num_masks)
        )

    def reject(self, track_ids: tuple[int, ...]) -> str:
        """Reject some tracks; says what was done."""
        self._apply(edits.RejectTracks(track_ids))
        return tr("Rejected {tracks_text}; undo brings them back.").format(
            tracks_text=tracks_text(len(track_ids))
        )

    def rejected(self, frame_index: int | None = None) -> tuple[int, ...]:
        """Rejected tracks, by id.

        Args:
            frame_index: Only those that have a mask on this frame.
        """
        tracks = self._project.tracks(self._entry.id)
        found = sorted(track.id for track in tracks if track.state is TrackState.REJECTED)
        if frame_index is None:
            return tuple(found)
        records = {i: self._project.mask(i, frame_index) for i in found}
        return tuple(i for i, record in records.items() if record is not None and record.rle)

    def restore(self, track_ids: tuple[int, ...]) -> str:
        """Take the rejection of some tracks back; says what was done."""
        self._apply(edits.RestoreTracks(track_ids))
        return tr("Restored {tracks_text}.").format(tracks_text=tracks_text(len(track_ids)))

    def rejected_masks(self, frame_index: int) -> tuple[int, ...]:
        """Tracks, by id, whose mask on a frame was rejected while they were not."""
        return self._project.rejected_masks(self._entry.id, frame_index)

    def restore_here(self, frame_index: int) -> str:
        """Take back what is rejected and has a mask on a frame; says what was done."""
        tracks, masks = self.rejected(frame_index), self.rejected_masks(frame_index)
        if not masks:
            return self.restore(tracks)
        back = edits.RestoreMasks(masks, Scope(frame_index, frame_index))
        told = masks_text(len(masks))
        if not tracks:
            self._apply(back)
            return tr("Restored {masks_text}.").format(masks_text=told)
        self._apply(edits.Batch((edits.RestoreTracks(tracks), back)))
        words = tr("Restored {tracks_text}, and {masks_text} of others.")
        return words.format(tracks_text=tracks_text(len(tracks)), masks_text=told)

    def delete(self, track_ids: tuple[int, ...]) -> str:
        """Delete some tracks; says what was done."""
        result = self._apply(edits.DeleteTracks(track_ids))
        return tr("Deleted {tracks_text} with {masks_text}.").format(
            tracks_text=tracks_text(len(track_ids)), masks_text=masks_text(-result.masks_gained)
        )

    def relabel(self, track_ids: tuple[int, ...], class_name: str) -> str:
        """Give some tracks a class, which is made if it is new; says what was done."""
        classes = self._project.categories()
        known = {c.name: c.id for c in classes}
        done = tr("Relabelled {tracks_text} to {class_name}.").format(
            tracks_text=tracks_text(len(track_ids)), class_name=class_name
        )
        if class_name in known:
            self._apply(edits.RelabelTracks(track_ids, known[class_name]))
            return done
        new_id = self._project.free_category_id()
        color = unlike_color([c.color_rgb for c in classes])
        steps = (
            edits.SetCategory(Category(new_id, class_name, color_rgb=color)),
            edits.RelabelTracks(track_ids, new_id),
        )
        label = f"Relabel {numbers_of(track_ids)} to {class_name}"
        self._apply(edits.Batch(steps, label=label))
        return done

    # Ranges of frames

    def approve_range(self, marked: FrameRange) -> str:
        """Approve the masks of the range's tracks, or its frames as complete."""
        scope = _scope(marked)
        if not marked.track_ids:
            self._apply(edits.ApproveFrames(self._entry.id, scope))
            return tr("Approved {frames_text} as complete.").format(
                frames_text=frames_text(marked.num_frames)
            )
        result = self._apply(edits.ApproveTracks(marked.track_ids, scope))
        return tr("Approved {masks_text}.").format(masks_text=masks_text(result.num_masks))

    def mark_absent(self, marked: FrameRange) -> str:
        """Say that the range's tracks are not to be seen on its frames."""
        steps = tuple(edits.MarkAbsent(i, _scope(marked)) for i in marked.track_ids)
        name = tracks_text(len(steps))
        if len(steps) == 1:
            name = tr("track {track_ids}").format(track_ids=marked.track_ids[0])
        label = f"Mark {numbers_of(marked.track_ids)} absent, {_scope(marked).describe()}"
        self._apply(edits.Batch(steps, label=label))
        return tr("Marked {name} absent on {frames_text}.").format(
            name=name, frames_text=frames_text(marked.num_frames)
        )

    def clear(self, marked: FrameRange) -> str:
        """Delete the masks of the range; without tracks, those of all tracks."""
        chosen = marked.track_ids or self._index.track_ids()
        result = self._apply(edits.ClearMasks(chosen, _scope(marked)))
        if result.num_masks and not result.masks_gained:  # they were absent or rejected
            frames = set().union(*result.changed_frames.values())
            return tr("There was no mask; {frames_text} went back to not annotated.").format(
                frames_text=frames_text(len(frames))
            )
        return tr("Deleted {masks_text}.").format(masks_text=masks_text(-result.masks_gained))

    def extend(self, marked: FrameRange) -> str:
        """Fill the range's empty frames: between two masks by interpolation, else by a copy."""
        steps = [step for i in marked.track_ids for step in self._fillings(i, marked)]
        if not steps:
            return tr("There is no empty frame to fill in the range.")
        label = f"Extend {numbers_of(marked.track_ids)}, {_scope(marked).describe()}"
        result = self._apply(edits.Batch(tuple(steps), label=label))
        return tr("Filled {frames_text}.").format(frames_text=frames_text(result.num_masks))

    def _fillings(self, track_id: int, marked: FrameRange) -> list[Edit]:
        """One edit for each stretch of a track that is empty in the range."""
        known = self._index.frames(track_id)
        empty = np.setdiff1d(
            np.arange(marked.first, marked.last + 1), known.columns.frame_index
        ).tolist()
        if not len(known.masked):
            return []
        steps: list[Edit] = []
        for first, stop in runs_of(empty):
            scope = Scope(first, stop - 1)
            place = int(np.searchsorted(known.masked, first))
            if place == 0:
                steps.append(edits.ExtendTrack(track_id, first, scope))
            elif place == len(known.masked):
                steps.append(edits.ExtendTrack(track_id, stop - 1, scope))
            else:
                before, after = known.masked[place - 1 : place + 1].tolist()
                steps.append(edits.InterpolateMasks(track_id, before, after, scope))
        return steps


def _scope(marked: FrameRange) -> Scope:
    return Scope(marked.first, marked.last)


def tracks_text(count: int) -> str:
    """A number of tracks in words."""
    return tr("1 track") if count == 1 else tr("{count:,} tracks").format(count=count)


def masks_text(count: int) -> str:
    """A number of masks in words."""
    return tr("1 mask") if count == 1 else tr("{count:,} masks").format(count=count)


def frames_text(count: int) -> str:
    """A number of frames in words."""
    return tr("1 frame") if count == 1 else tr("{count:,} frames").format(count=count)
