"""A frozen copy of what people said about a project's videos, for training.

A training process never opens the live database. The process that holds the project writes
the snapshot into the run's folder, and everything after it works from that file.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ifc_core.annotation.frame_columns import FrameColumns
from ifc_core.annotation.locating import Nearby, find_video, is_same_video
from ifc_core.annotation.reading import ProjectReader
from ifc_core.annotation.records import VideoEntry
from ifc_core.annotation.schema import STATE_CODE
from ifc_core.errors import FormatError, IFCError, ProjectError
from ifc_core.io.atomic import atomic_output
from ifc_core.structures import Category, FrameState, RLEMask, Track, TrackKind

SNAPSHOT_NAME = "snapshot.json"
_FORMAT = 1
_PERSONS_WORD = tuple(
    STATE_CODE[state] for state in (FrameState.CORRECTED, FrameState.APPROVED, FrameState.ABSENT)
)
_PROPOSED = STATE_CODE[FrameState.PROPOSED]


@dataclass(frozen=True, slots=True)
class SnapshotTrack:
    """One object of a video as far as a person has spoken about it.

    Attributes:
        id: Of the track in the project.
        category_id: Its class.
        masks: Frame index to mask, ``None`` where it was seen to be absent. A frame that is
            not a key is not annotated for this track.
    """

    id: int
    category_id: int
    masks: Mapping[int, RLEMask | None]


@dataclass(frozen=True, slots=True)
class SnapshotVideo:
    """A video and its reviewed annotation.

    Attributes:
        id: Of the video in the project.
        name: Shown to people.
        path: Absolute path of the file or folder, where it was found.
        num_frames: Frames.
        height: Pixels.
        width: Pixels.
        exhaustive: Frames on which every object of the classes is annotated.
        tracks: Those with at least one reviewed frame.
        fingerprint: Of the content that was annotated; empty where only annotations of it were
            ever seen, ``None`` in snapshots that do not say it.
    """

    id: int
    name: str
    path: Path
    num_frames: int
    height: int
    width: int
    exhaustive: tuple[int, ...]
    tracks: tuple[SnapshotTrack, ...]
    fingerprint: str | None = None

    @property
    def reviewed_frames(self) -> tuple[int, ...]:
        """Frames about which a person has said anything, sorted."""
        frames = set(self.exhaustive)
        for track in self.tracks:
            frames.update(track.masks)
        return tuple(sorted(frames))

    @property
    def entry(self) -> VideoEntry:
        """The same as a project knows its videos, so that the file can be looked for."""
        size = (self.num_frames, self.height, self.width)
        return VideoEntry(self.id, self.name, self.path, "", *size, 0.0, self.fingerprint or "")

    def check_file(self) -> None:
        """Refuse another file than the one that was annotated.

        Raises:
            ProjectError: It is not there, or has other content.
        """
        if not self.path.exists() or (
            self.fingerprint and not is_same_video(self.path, self.entry)
        ):
            raise _not_found(self.name, self.path)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All reviewed annotation of a project at one moment.

    Attributes:
        project: Name of the project.
        categories: All of the project.
        videos: Those with reviewed frames.
        parent: Name of the version that Propose uses, or "" for none of the project's.
        parent_path: Its file or registry name, or "".
        model_names: Names that model versions of the project have already.
        created_at: Seconds since 1970, UTC.
        left_out: Names of videos with reviewed frames whose files were not found.
    """

    project: str
    categories: tuple[Category, ...]
    videos: tuple[SnapshotVideo, ...]
    parent: str = ""
    parent_path: str = ""
    model_names: tuple[str, ...] = ()
    created_at: float = 0.0
    left_out: tuple[str, ...] = ()

    @property
    def num_masks(self) -> int:
        """Reviewed masks in all, absences not counted."""
        tracks = (track for video in self.videos for track in video.tracks)
        return sum(rle is not None for track in tracks for rle in track.masks.values())


def make_snapshot(project: ProjectReader, run_folder: Path) -> Snapshot:
    """Write what a project's people have said into a run's folder.

    Corrected, approved and absent frames are taken; proposals that nobody looked at are not. Crowd
    and ignore regions are left out, and frames that hold one do not count as exhaustive, nor do
    those with a proposal, which came after the frame was approved: an object that it outlines
    would be taught as ground. A video whose file is not found is left out too, and named.

    Args:
        project: Open in this process.
        run_folder: Of the run, made where missing.

    Returns:
        The snapshot, which :func:`read_snapshot` reads back.

    Raises:
        ProjectError: Nothing was corrected or approved yet, or the file of no video that was is
            found.
        OutputError: The folder cannot be written.
    """
    active = project.active_model()
    nearby = Nearby()
    videos: list[SnapshotVideo] = []
    absent: list[ProjectError] = []
    left_out: list[str] = []
    for entry in project.videos():
        copied = _copy_video(project, entry, nearby)
        if isinstance(copied, ProjectError):
            absent.append(copied)
            left_out.append(entry.name)
        elif copied.reviewed_frames:
            videos.append(copied)
    snapshot = Snapshot(
        project=project.name,
        categories=tuple(project.categories()),
        videos=tuple(videos),
        parent=active.name if active else "",
        parent_path=active.path if active else "",
        model_names=tuple(model.name for model in project.models()),
        created_at=time.time(),
        left_out=tuple(left_out),
    )
    if snapshot.num_masks == 0 and absent:
        raise absent[0]
    if snapshot.num_masks == 0:
        raise ProjectError(
            "There is nothing to learn from yet; correct or approve masks on some frames first.",
            path=project.folder,
        )
    write_snapshot(snapshot, run_folder)
    return snapshot


def write_snapshot(snapshot: Snapshot, run_folder: Path) -> None:
    """Write a snapshot into a run's folder, made where missing.

    Raises:
        ProjectError: The folder cannot be made.
        OutputError: The file cannot be written.
    """
    try:
        run_folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ProjectError(f"Cannot make the folder {run_folder}: {error}.", path=run_folder) from (
            error
        )
    with atomic_output(run_folder / SNAPSHOT_NAME) as temporary:
        temporary.write_text(json.dumps(_to_json(snapshot)), encoding="utf-8")


def _copy_video(
    project: ProjectReader, entry: VideoEntry, nearby: Nearby
) -> SnapshotVideo | ProjectError:
    """What people said of a video, or why it cannot be learned from."""
    copied, unclear = [], set[int]()
    for track in project.tracks(entry.id, include_rejected=False):
        lane = project.track_columns(track.id)
        unclear.update(unclear_frames(track, lane))
        if track.kind is not TrackKind.OBJECT:
            continue
        reviewed = lane.frame_index[np.isin(lane.state, _PERSONS_WORD)].tolist()
        if reviewed:
            copied.append(_copy_track(project, track, reviewed))
    exhaustive = tuple(f for f in project.exhaustive_frames(entry.id) if f not in unclear)
    path: Path | None = entry.path
    if copied or exhaustive:
        # Looked for as everywhere: a project that was moved has other places for its videos.
        path = project.find_video_file(entry.id, nearby=nearby)
    if path is None:  # what lies where it was may be another film, and would be learnt from
        return _not_found(entry.name, entry.path)
    return SnapshotVideo(
        entry.id,
        entry.name,
        path,
        entry.num_frames,
        entry.height,
        entry.width,
        exhaustive,
        tuple(copied),
        entry.fingerprint,
    )


def unclear_frames(track: Track, lane: FrameColumns) -> list[int]:
    """Frames that a track, which is not rejected, keeps from counting as exhaustive.

    Args:
        track: Its header.
        lane: Its frames.
    """
    unclear = lane.has_mask
    if track.kind is TrackKind.OBJECT:
        unclear = unclear & (lane.state == _PROPOSED)
    frames: list[int] = lane.frame_index[unclear].tolist()
    return frames


def _not_found(name: str, path: Path) -> ProjectError:
    """The file of a video is not there, or another one is where it was."""
    if path.exists():
        text = f"{path} is not the file that was annotated; locate {name} in the project first."
    else:
        text = f"The video {name} is not at {path}; locate it in the project first."
    return ProjectError(text, path=path)


def _copy_track(project: ProjectReader, track: Track, frames: list[int]) -> SnapshotTrack:
    masks: dict[int, RLEMask | None] = {}
    for frame in frames:
        record = project.mask(track.id, frame)
        masks[frame] = None if record is None else record.rle
    return SnapshotTrack(track.id, track.category_id, masks)


def read_snapshot(run_folder: Path) -> Snapshot:
    """Read the snapshot of a run.

    Raises:
        FormatError: There is none, or it is damaged.
    """
    path = run_folder / SNAPSHOT_NAME
    try:
        return _from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IFCError) as error:
        raise FormatError(
            f"{path} is no usable snapshot; start the fine-tuning again.", path=path
        ) from error


def relocate_snapshot(project: ProjectReader, run_folder: Path) -> None:
    """Look the files of a snapshot up again; the project, a video or the parent may have moved.

    Only paths are written anew: what is learned from stays what it was when the run began.

    Args:
        project: Open in this process.
        run_folder: Of the run.

    Raises:
        FormatError: There is no snapshot, or it is damaged.
        ProjectError: A video is not found.
        OutputError: The snapshot cannot be written.
    """
    snapshot, file, nearby = read_snapshot(run_folder), run_folder / SNAPSHOT_NAME, Nearby()
    written = json.loads(file.read_text(encoding="utf-8"))
    places = {entry.id: entry.path for entry in project.videos()}
    for video, fields in zip(snapshot.videos, written["videos"], strict=True):
        here = places.get(video.id, video.path)
        found = find_video(video.entry, str(here), project.folder, nearby=nearby)
        if found is None:
            raise _not_found(video.name, here)
        fields["path"] = str(found)
    paths = {model.name: model.path for model in project.models()}
    written["parent_path"] = paths.get(snapshot.parent, snapshot.parent_path)
    with atomic_output(file) as temporary:
        temporary.write_text(json.dumps(written), encoding="utf-8")


def _to_json(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "project": snapshot.project,
        "created_at": snapshot.created_at,
        "parent": snapshot.parent,
        "parent_path": snapshot.parent_path,
        "model_names": list(snapshot.model_names),
        "left_out": list(snapshot.left_out),
        "categories": [
            {"id": c.id, "name": c.name, "supercategory": c.supercategory}
            for c in snapshot.categories
        ],
        "videos": [
            {
                "id": video.id,
                "name": video.name,
                "path": str(video.path),
                "fingerprint": video.fingerprint,
                "num_frames": video.num_frames,
                "height": video.height,
                "width": video.width,
                "exhaustive": list(video.exhaustive),
                "tracks": [_track_to_json(track) for track in video.tracks],
            }
            for video in snapshot.videos
        ],
    }


def _track_to_json(track: SnapshotTrack) -> dict[str, Any]:
    masks = {str(f): None if rle is None else rle.to_coco() for f, rle in track.masks.items()}
    return {"id": track.id, "category_id": track.category_id, "masks": masks}


def _from_json(value: dict[str, Any]) -> Snapshot:
    if value["format"] != _FORMAT:
        raise FormatError("The snapshot is of another version.", actual=value["format"])
    categories = tuple(
        Category(int(c["id"]), str(c["name"]), str(c["supercategory"])) for c in value["categories"]
    )
    return Snapshot(
        str(value["project"]),
        categories,
        tuple(_video_from_json(video) for video in value["videos"]),
        str(value["parent"]),
        str(value["parent_path"]),
        tuple(map(str, value["model_names"])),
        float(value["created_at"]),
        tuple(map(str, value.get("left_out", ()))),
    )


def _video_from_json(value: dict[str, Any]) -> SnapshotVideo:
    size = (int(value["height"]), int(value["width"]))
    tracks = []
    for raw in value["tracks"]:
        masks: dict[int, RLEMask | None] = {}
        for frame, coded in raw["masks"].items():
            rle = None if coded is None else RLEMask.from_coco(coded)
            if rle is not None and rle.size != size:
                raise FormatError("A mask has not the size of its video.", actual=rle.size)
            masks[int(frame)] = rle
        tracks.append(SnapshotTrack(int(raw["id"]), int(raw["category_id"]), masks))
    fingerprint = value.get("fingerprint")
    return SnapshotVideo(
        int(value["id"]),
        str(value["name"]),
        Path(value["path"]),
        int(value["num_frames"]),
        *size,
        tuple(int(f) for f in value["exhaustive"]),
        tuple(tracks),
        None if fingerprint is None else str(fingerprint),
    )
