"""Gathers masks that come frame by frame into tracks, on disk where they are many."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir

from ifc_core.errors import OutputError
from ifc_core.io.ytvis_types import YtvisTrack
from ifc_core.structures import RLEMask

_CACHE_KIB = 16 * 1024
_MASKS = """CREATE TABLE masks (
    key INTEGER NOT NULL, frame INTEGER NOT NULL, height INTEGER NOT NULL, width INTEGER NOT NULL,
    counts BLOB NOT NULL, PRIMARY KEY (key, frame)
) WITHOUT ROWID"""


@dataclass(frozen=True, slots=True)
class _Key:
    video_id: int
    label: int
    category_id: int
    is_crowd: bool


class TrackBuilder:
    """Masks in, tracks out.

    The masks lie in a private SQLite database without a name: it stays in memory while it is
    small, goes to a temporary file where it is not, and is gone with this object.

    Args:
        tells_labels: The tracks say what their labels were, which people know them by.
    """

    def __init__(self, *, tells_labels: bool = False) -> None:
        self._tells_labels = tells_labels
        self._keys: dict[_Key, int] = {}
        self._scores: dict[_Key, float] = {}
        self._names: dict[_Key, str] = {}
        self._parents: dict[tuple[int, int], int] = {}
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute(_MASKS)
        self._db.execute("BEGIN")

    def add(
        self,
        video_id: int,
        label: int,
        category_id: int,
        frame_index: int,
        mask: RLEMask,
        *,
        is_crowd: bool = False,
        score: float | None = None,
        name: str = "",
    ) -> bool:
        """Add one mask.

        Args:
            video_id: Its video.
            label: What tells instances of a video and class apart.
            category_id: Its class.
            frame_index: Its frame.
            mask: The mask.
            is_crowd: Whether it is a crowd region.
            score: Confidence; a track gets that of its best mask.
            name: What its track is called; of several names the first.

        Returns:
            False if the track has a mask on that frame already.

        Raises:
            OutputError: The disk is full.
        """
        key = _Key(video_id, label, category_id, is_crowd)
        number = self._keys.setdefault(key, len(self._keys))
        try:
            self._db.execute(
                "INSERT INTO masks VALUES (?, ?, ?, ?, ?)",
                (number, frame_index, *mask.size, mask.counts),
            )
        except sqlite3.IntegrityError:
            return False
        except sqlite3.OperationalError as error:
            raise OutputError(
                f"There is no room for the masks on disk: {error}.", path=Path(gettempdir())
            ) from error
        if name:
            self._names.setdefault(key, name)
        if score is not None:
            self._scores[key] = max(score, self._scores.get(key, score))
        return True

    def link(self, video_id: int, label: int, parent: int) -> None:
        """Say that one label of a video divided into another; either may have no mask."""
        self._parents[video_id, label] = parent

    def tracks(
        self, lengths: Mapping[int, int], *, keep_labels: bool = False
    ) -> Iterator[YtvisTrack]:
        """All tracks, numbered from 1, by video and in the order they appeared.

        Args:
            lengths: Video id -> frames.
            keep_labels: Take the labels for ids if no two tracks share one.

        Yields:
            The tracks, one in memory at a time.
        """
        order = {video_id: place for place, video_id in enumerate(lengths)}
        keys = sorted(self._keys, key=lambda key: order[key.video_id])
        labels = [key.label for key in keys]
        is_unique = len(set(labels)) == len(labels) and min(labels, default=1) > 0
        ids = [
            key.label if keep_labels and is_unique else number
            for number, key in enumerate(keys, start=1)
        ]
        id_of = {(key.video_id, key.label): i for key, i in zip(keys, ids, strict=True)}
        for key, track_id in zip(keys, ids, strict=True):
            masks: list[RLEMask | None] = [None] * lengths[key.video_id]
            found = self._db.execute(
                "SELECT frame, height, width, counts FROM masks WHERE key = ?", (self._keys[key],)
            )
            for frame, height, width, counts in found:
                masks[frame] = RLEMask((height, width), counts)
            parent = self._parents.get((key.video_id, key.label))
            yield YtvisTrack(
                track_id,
                key.video_id,
                key.category_id,
                tuple(masks),
                key.is_crowd,
                self._scores.get(key),
                parent_id=None if parent is None else id_of.get((key.video_id, parent)),
                label=self._names.get(key, str(key.label) if self._tells_labels else ""),
            )
