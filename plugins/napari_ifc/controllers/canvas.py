"""What is drawn over one frame: the tracks' masks and those of a run in progress."""

from __future__ import annotations

from typing import Protocol

from ifc_core.annotation import ProjectReader, StagedMask
from ifc_core.structures import Track
from ifc_core.structures.palette import track_color
from napari_ifc.controllers.propose import provisional_id
from napari_ifc.overlay import DrawnMask


class Headers(Protocol):
    """The part of a track index that is used here."""

    def __contains__(self, track_id: int) -> bool:
        """Whether there is such a track."""
        ...

    def header(self, track_id: int) -> Track:
        """Header of a track."""
        ...


def masks_to_draw(
    project: ProjectReader,
    video_id: int,
    index: Headers,
    frame_index: int,
    selected: tuple[int, ...],
    provisional: list[StagedMask],
) -> list[DrawnMask]:
    """Everything to draw on a frame, lowest first; provisional masks lie on top.

    The current track (the first selected one) is not filled: its inside is the drawing layer.
    """
    drawn = []
    for record in project.masks_at(video_id, frame_index):
        if record.rle is None or record.track_id not in index:
            continue
        current = bool(selected) and record.track_id == selected[0]
        drawn.append(
            DrawnMask(
                track_id=record.track_id,
                rle=record.rle,
                color_rgb=index.header(record.track_id).color_rgb,
                selected=record.track_id in selected,
                filled=not current,
            )
        )
    for staged in provisional:
        if staged.rle is not None:
            number = provisional_id(staged.instance_id)
            color = track_color(staged.instance_id)
            drawn.append(DrawnMask(number, staged.rle, color, provisional=True))
    return drawn
