"""A project as YouTube-VIS records, one track at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from ifc_core.annotation.frame_names import FrameNames
from ifc_core.annotation.reading import ProjectReader
from ifc_core.annotation.selection import VideoSelection
from ifc_core.io.ytvis_types import (
    TrackDetails,
    VideoDetails,
    YtvisHeader,
    YtvisTrack,
    YtvisVideo,
)
from ifc_core.structures import Category, FrameState, MaskSource, RLEMask, Track, TrackKind
from ifc_core.version import __version__


def header_of(
    reader: ProjectReader,
    selections: Sequence[VideoSelection],
    categories: Sequence[Category],
    with_details: bool,
    names: FrameNames,
) -> YtvisHeader:
    """Videos and categories of an export.

    Args:
        reader: The project.
        selections: What is exported of each video.
        categories: The classes.
        with_details: Whether to fill the extension key.
        names: What the frames are called.
    """
    videos = tuple(_video(s, names.of(s), with_details) for s in selections)
    info = {"description": reader.name, "generator": f"IFC Studio {__version__}"}
    return YtvisHeader(videos, tuple(categories), info)


def _video(selection: VideoSelection, names: tuple[str, ...], with_details: bool) -> YtvisVideo:
    video = selection.video
    details = VideoDetails(
        exhaustive=tuple(f in selection.exhaustive for f in selection.frames),
        fps=video.rate,
        fingerprint=video.fingerprint,
        source=video.path.name,
        frame_indices=selection.frames,
    )
    return YtvisVideo(
        video.id,
        video.height,
        video.width,
        len(selection.frames),
        names,
        details if with_details else None,
    )


def iter_tracks(
    reader: ProjectReader, selection: VideoSelection, with_details: bool
) -> Iterator[YtvisTrack]:
    """The exported tracks of a video, lowest z first, one in memory at a time."""
    places = {frame: place for place, frame in enumerate(selection.frames)}
    exported = frozenset(track.id for track in selection.tracks)
    known = [places[frame] for frame in sorted(selection.incomplete)]
    for track in selection.tracks:
        yield _track(reader, track, places, known, exported, with_details)


def on_all_frames(track: YtvisTrack, selection: VideoSelection) -> YtvisTrack:
    """A track with an entry for each frame of its video, null where it is not exported.

    Results name no frames, so only by their number are they told apart.
    """
    masks: list[RLEMask | None] = [None] * selection.video.num_frames
    for frame, mask in zip(selection.frames, track.segmentations, strict=True):
        masks[frame] = mask
    return replace(track, segmentations=tuple(masks), details=None)


def _track(
    reader: ProjectReader,
    track: Track,
    places: Mapping[int, int],
    known: Sequence[int],
    exported: Collection[int],
    with_details: bool,
) -> YtvisTrack:
    masks: list[RLEMask | None] = [None] * len(places)
    states: list[FrameState | None] = [None] * len(places)
    sources: list[MaskSource | None] = [None] * len(places)
    for record in reader.track_masks(track.id):
        place = places.get(record.frame_index)
        if place is None:
            continue
        states[place], sources[place] = record.state, record.source
        if record.state is not FrameState.REJECTED:  # other readers would take it for a mask
            masks[place] = record.rle
    for place in known:  # the flag of the frame, which said so, is not in the file
        if states[place] is None:
            states[place] = FrameState.ABSENT
    details = TrackDetails(
        tuple(states),
        tuple(sources),
        track.z_order,
        track.state,
        track.color_rgb,
        track.name,
        track.kind,
    )
    return YtvisTrack(
        track.id,
        track.video_id,
        track.category_id,
        tuple(masks),
        is_crowd=track.kind is not TrackKind.OBJECT,
        score=track.score,
        details=details if with_details else None,
        parent_id=track.parent_id if track.parent_id in exported else None,
        label=track.name,
    )
