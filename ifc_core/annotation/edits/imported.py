"""The edit that a file's import ends in: videos, classes, tracks and flags at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ifc_core.annotation.category_ids import free_category_id, keeps_id
from ifc_core.annotation.edits.base import Edit
from ifc_core.annotation.edits.catalog import AddVideo, insert_video, lengthen_video
from ifc_core.annotation.edits.lineage import link_imported
from ifc_core.annotation.pointer_tables import (
    AREA,
    FRAME,
    MASK,
    POINTER_WIDTH,
    STATE,
    TRACK,
    VIDEO,
    Table,
    bulk_writing,
)
from ifc_core.annotation.rows import normalised
from ifc_core.annotation.transaction import REJECTED, EditTransaction
from ifc_core.io.problems import printable
from ifc_core.structures import Category, TrackKind, TrackState


@dataclass(frozen=True, slots=True, eq=False)
class ImportedTrack:
    """A track whose records are in the project already, shown by nothing yet.

    Attributes:
        video_key: Id of its video in the file.
        category_key: Id of its class in the file.
        score: Confidence.
        state: Review state.
        color_rgb: Display colour, or ``None`` for the next free one.
        name: Label.
        kind: Object, crowd or region to ignore.
        pointers: (n, 6) int64: frame, then the five fields of a pointer.
        key: Id in the file.
        parent_key: Id in the file of the track that divided into this one, or ``None``.
    """

    video_key: int
    category_key: int
    score: float
    state: TrackState
    color_rgb: tuple[int, int, int] | None
    name: str
    kind: TrackKind
    pointers: Table
    key: int = 0
    parent_key: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ImportTracks(Edit):
    """Bring the content of a file into the project as new tracks.

    Attributes:
        source: Name of the file, for the history list.
        videos: File id -> id in the project, or the video to add.
        categories: File id -> class; one of the same name is used where there is one. Another
            keeps the file's id only where no class of the project had it before.
        tracks: The tracks, lowest first; they lie above those that are there. They are gone
            through once, so they need not all be in memory.
        exhaustive: File id of a video -> frames that are approved.
        num_pointers: Frames of all tracks, roughly.
        lengths: Id in the project -> frames that a video has at least; one of which only a part
            was known gets longer.
        replaced: Track of the project -> frames on which masks of the file take the place of its
            own, which are rejected there; the track is too where none of them is left.
        left_out: Tracks of the file that were left out or cut, since the project shows theirs.
        covered: Which frames of each video the file covers, as ``covered_frames`` writes them;
            "" where that is not known.
    """

    source: str
    videos: Mapping[int, int | AddVideo]
    categories: Mapping[int, Category]
    tracks: Sequence[ImportedTrack]
    exhaustive: Mapping[int, tuple[int, ...]]
    num_pointers: int = 0
    lengths: Mapping[int, int] = field(default_factory=dict)
    replaced: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    left_out: int = 0
    covered: str = ""

    def perform(self, tx: EditTransaction) -> str:
        """Write videos, classes, headers and pointers."""
        videos = self._add_videos(tx)
        for video_id, num_frames in self.lengths.items():
            lengthen_video(tx, video_id, num_frames)
        categories = self._add_categories(tx)
        with bulk_writing(tx.db, self.num_pointers):
            self._add_tracks(tx, videos, categories)
        for track_id, frames in self.replaced.items():
            _reject(tx, track_id, frames)
        approved: dict[int, list[int]] = {}
        for key, frames in self.exhaustive.items():
            approved.setdefault(videos[key], []).extend(frames)
        for video_id, gathered in approved.items():
            tx.set_exhaustive(video_id, gathered, True)
        counted = "1 track" if len(self.tracks) == 1 else f"{len(self.tracks)} tracks"
        return f"Import {counted} from {printable(self.source)}"

    def _add_tracks(
        self, tx: EditTransaction, videos: Mapping[int, int], categories: Mapping[int, int]
    ) -> None:
        """Add the tracks, then link those that came of a division."""
        added: dict[int, int] = {}
        parent_keys: dict[int, int] = {}
        begins: dict[int, int] = {}
        for track in self.tracks:
            video_id, category_id = videos[track.video_key], categories[track.category_key]
            added[track.key] = _add_track(tx, track, video_id, category_id)
            begins[added[track.key]] = _begin(track.pointers)
            if track.parent_key is not None:
                parent_keys[added[track.key]] = track.parent_key
        known = {child: added[key] for child, key in parent_keys.items() if key in added}
        num_left_out = len(parent_keys) - link_imported(tx, known, begins)
        if num_left_out:
            tx.notes.append(
                "Links to a mother that the file has not in that video, or that does not begin "
                f"before, were left out: {num_left_out}."
            )

    def _add_videos(self, tx: EditTransaction) -> dict[int, int]:
        """File id -> id in the project; a video that several of the file share is added once."""
        added: dict[int, int] = {}
        videos: dict[int, int] = {}
        for key, video in self.videos.items():
            if isinstance(video, AddVideo) and id(video) not in added:
                added[id(video)] = insert_video(tx, video)[0]
            videos[key] = added[id(video)] if isinstance(video, AddVideo) else video
        return videos

    def _add_categories(self, tx: EditTransaction) -> dict[int, int]:
        """File id -> id in the project; first those that keep theirs, so that it is not given."""
        free = free_category_id(tx.db)
        in_turn = sorted(self.categories.items(), key=lambda entry: not keeps_id(entry[1].id, free))
        return {key: _category(tx, category, free) for key, category in in_turn}


def _add_track(tx: EditTransaction, track: ImportedTrack, video_id: int, category_id: int) -> int:
    new = tx.new_track(
        video_id,
        category_id,
        score=track.score,
        state=track.state,
        name=track.name,
        kind=track.kind,
        color_rgb=track.color_rgb,
    )
    shown = np.zeros((len(track.pointers), POINTER_WIDTH), dtype=np.int64)
    shown[:, VIDEO], shown[:, FRAME], shown[:, TRACK] = video_id, track.pointers[:, 0], new.id
    tx.change(shown, track.pointers[:, 1:])
    return new.id


def _reject(tx: EditTransaction, track_id: int, frames: Collection[int]) -> None:
    """Reject the masks of a track on some frames, and the track where no other is left.

    One that was deleted between the steps of the import has none: nothing of it is in the way.
    """
    track = tx.find_track(track_id)
    if track is None:
        return
    shown = tx.pointer_table(track.video_id, (track_id,))
    seen = shown[(shown[:, AREA] > 0) & (shown[:, STATE] != REJECTED)]
    gone = np.isin(seen[:, FRAME], np.fromiter(frames, np.int64))
    new = seen[gone, MASK:POINTER_WIDTH].copy()
    new[:, STATE - MASK] = REJECTED
    tx.change(seen[gone], new)
    if gone.all():
        tx.put_track(replace(track, state=TrackState.REJECTED))


def _begin(pointers: Table) -> int:
    """First frame on which an imported track is seen, -1 for none."""
    area, state = pointers[:, 1 + AREA - MASK], pointers[:, 1 + STATE - MASK]
    is_seen = (area > 0) & (state != REJECTED)
    return int(pointers[is_seen, 0].min()) if is_seen.any() else -1


def _category(tx: EditTransaction, category: Category, first_free: int) -> int:
    """The project's class of that name; else added, with the file's id where none ever had it.

    Args:
        tx: The open edit.
        category: Of the file.
        first_free: From here on ids were free before the import.
    """
    known = tx.db.execute("SELECT id, name FROM categories ORDER BY id DESC").fetchall()
    found = {normalised(str(name)): int(key) for key, name in known}
    name = normalised(category.name.strip())
    if name in found:
        return found[name]
    taken = {int(key) for key, _ in known}  # more than names, where two were called the same
    is_kept = keeps_id(category.id, first_free) and category.id not in taken
    category_id = category.id if is_kept else free_category_id(tx.db)
    tx.put_category(replace(category, id=category_id, name=name))
    return category_id
