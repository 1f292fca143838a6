"""Writes "CVAT for images 1.1": an XML with the masks of each frame.

CVAT has no tracks of masks: reading "CVAT for video" it keeps the first mask of a track and drops
the others. So masks are shapes of their frame, and those of one track are one group.

Source: CVAT, "XML annotation format", version 1.1 (https://docs.cvat.ai/docs/other/xml_format).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TextIO
from xml.sax.saxutils import escape, quoteattr

from ifc_core.io.atomic import atomic_output
from ifc_core.io.drawn_shapes import rows_of
from ifc_core.io.frame_source import FrameSource, TrackHead
from ifc_core.io.ytvis_types import YtvisHeader, YtvisVideo
from ifc_core.structures import RLEMask
from ifc_core.structures.rle_runs import crop_mask


def write_cvat_frames(
    source: FrameSource, frames_of: Mapping[int, Sequence[int]], path: Path | str
) -> None:
    """Write an XML of CVAT, whole or not at all, frame by frame.

    Args:
        source: Videos, categories, tracks and masks; each video is a task.
        frames_of: Video id -> the number of each of its frames in the video, from 0.
        path: The target.

    Raises:
        OutputError: The target cannot be written.
    """
    header = source.header
    with atomic_output(path) as temporary, temporary.open("w", encoding="utf-8") as out:
        out.write('<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n')
        out.write("<version>1.1</version>\n")
        out.write(_meta(header, frames_of))
        for video in header.videos:
            _write_images(out, source, video, frames_of[video.id])
        out.write("</annotations>\n")


def _meta(header: YtvisHeader, frames_of: Mapping[int, Sequence[int]]) -> str:
    labels = "".join(
        f"<label><name>{escape(c.name)}</name><color>#{bytes(c.color_rgb).hex()}</color>"
        "<type>any</type><attributes></attributes></label>\n"
        for c in header.categories
    )
    labels = f"<labels>\n{labels}</labels>\n"
    tasks = [_task(video, frames_of[video.id]) for video in header.videos]
    if len(tasks) == 1:
        return f"<meta><task>\n{tasks[0]}{labels}</task></meta>\n"
    several = "".join(f"<task>\n{task}</task>\n" for task in tasks)
    return f"<meta><project>\n{labels}<tasks>\n{several}</tasks>\n</project></meta>\n"


def _task(video: YtvisVideo, frames: Sequence[int]) -> str:
    first, last = (frames[0], frames[-1]) if frames else (0, 0)
    return (
        f"<id>{video.id}</id><name>{escape(video.name)}</name><size>{len(frames)}</size>"
        f"<mode>annotation</mode>"
        f"<start_frame>{first}</start_frame><stop_frame>{last}</stop_frame>\n"
        f"<original_size><width>{video.width}</width><height>{video.height}</height>"
        "</original_size>\n"
    )


def _write_images(
    out: TextIO, source: FrameSource, video: YtvisVideo, frames: Sequence[int]
) -> None:
    names = {category.id: quoteattr(category.name) for category in source.header.categories}
    tracks = {track.id: (z, track) for z, track in enumerate(source.tracks(video.id))}
    task = "" if len(source.header.videos) == 1 else f' task_id="{video.id}"'
    for place, (frame, file) in enumerate(zip(frames, video.file_names, strict=True)):
        out.write(
            f'<image id="{frame}" name={quoteattr(PurePosixPath(file).name)}{task} '
            f'width="{video.width}" height="{video.height}">\n'
        )
        for track_id, mask in source.masks(video.id, place).items():
            z, track = tracks[track_id]
            out.write(_shape(track, mask, z, names[track.category_id]))
        out.write("</image>\n")


def _shape(track: TrackHead, mask: RLEMask, z: int, label: str) -> str:
    found = crop_mask(mask)
    if found is None:  # nothing to be drawn; CVAT has no empty shapes
        return ""
    left, top, inside = found
    runs = ", ".join(map(str, rows_of(inside > 0)))
    return (
        f'<mask label={label} source="manual" occluded="0" rle="{runs}" left="{left}" top="{top}" '
        f'width="{inside.shape[1]}" height="{inside.shape[0]}" z_order="{z}" '
        f'group_id="{track.id}"></mask>\n'
    )
