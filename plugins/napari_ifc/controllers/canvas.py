"""What is drawn over one frame: the tracks' masks and those of a run in progress."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ifc_core.annotation import EditResult, ProjectReader, StagedMask
from ifc_core.structures import MaskRecord, Track
from ifc_core.structures.palette import track_color
from napari_ifc.controllers.propose import provisional_id
from napari_ifc.controllers.track_look import TrackLook, is_region
from napari_ifc.overlay import DrawnMask

_AS_THEY_ARE = TrackLook()
_LONGEST_NAME = 20  # letters of a name on the picture


class Headers(Protocol):
    """The part of a track index that is used here."""

    def __contains__(self, track_id: int) -> bool:
        """Whether there is such a track."""
        ...

    def header(self, track_id: int) -> Track:
        """Header of a track."""
        ...


class FrameRecords:
    """The masks of the frame that is shown; an edit has only those read again that it changed.

    Args:
        project: Where to read. Of one that somebody else writes nothing is kept.
        video_id: The video.
    """

    def __init__(self, project: ProjectReader, video_id: int) -> None:
        self._project = project
        self._video_id = video_id
        self._is_kept = not getattr(project, "read_only", True)
        self._frame_index = -1
        self._records: list[MaskRecord] = []

    def at(self, frame_index: int) -> list[MaskRecord]:
        """Records of a frame, lowest first."""
        if frame_index != self._frame_index or not self._is_kept:
            self._records = self._project.masks_at(self._video_id, frame_index)
            self._frame_index = frame_index
        return self._records

    def known(self, frame_index: int) -> list[MaskRecord]:
        """Records of a frame where they were read already, else none."""
        return self._records if frame_index == self._frame_index and self._is_kept else []

    def take(self, result: EditResult) -> None:
        """Take in what an edit, undo or redo changed."""
        here = self._frame_index
        changed = [i for i, frames in result.changed_frames.items() if here in frames]
        if result.tracks_added or result.tracks_removed or result.tracks_changed:
            self._frame_index = -1  # another order, other tracks
        elif not all(self._renew(track_id) for track_id in changed):
            self._frame_index = -1

    def _renew(self, track_id: int) -> bool:
        """Read one mask again; False where it came, went or is not drawn any more."""
        record = self._project.mask(track_id, self._frame_index)
        place = next((p for p, r in enumerate(self._records) if r.track_id == track_id), None)
        if place is None or record is None or record.shown is None:
            return False
        self._records = [*self._records[:place], record, *self._records[place + 1 :]]
        return True


def masks_to_draw(
    records: Sequence[MaskRecord],
    index: Headers,
    selected: tuple[int, ...],
    provisional: Sequence[StagedMask] = (),
    look: TrackLook = _AS_THEY_ARE,
) -> list[DrawnMask]:
    """Everything to draw on a frame, lowest first; provisional masks lie on top.

    The current track (the first selected one) is not filled: its inside is the drawing layer.

    Args:
        records: Stored masks of the frame, lowest first.
        index: The tracks.
        selected: The selected ones, the current one first.
        provisional: Masks of a run.
        look: Which of them are seen, and in whose colours.
    """
    drawn = []
    for record in records:
        if record.rle is None or record.track_id not in index:
            continue
        if not look.shows(record.track_id, selected):
            continue
        current = bool(selected) and record.track_id == selected[0]
        drawn.append(
            DrawnMask(
                track_id=record.track_id,
                rle=record.rle,
                color_rgb=look.color(index.header(record.track_id)),
                selected=record.track_id in selected,
                filled=not current,
                text=label_of(index.header(record.track_id)),
                hatched=is_region(index.header(record.track_id)),
            )
        )
    for staged in provisional:
        number = provisional_id(staged.instance_id)
        if staged.rle is not None and look.shows(number, selected):
            color = track_color(staged.instance_id)
            drawn.append(DrawnMask(number, staged.rle, color, provisional=True))
    return drawn


def label_of(track: Track) -> str:
    """What stands on the masks of a track that has a name; empty for its number alone."""
    if not track.name or track.name.isdigit():
        return ""
    is_long = len(track.name) > _LONGEST_NAME
    name = f"{track.name[: _LONGEST_NAME - 1].rstrip()}…" if is_long else track.name
    return f"{track.id}: {name}"
