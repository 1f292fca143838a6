"""Proposals as a file brought them in, read from the journal: what was corrected since is not."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ifc_core.annotation import rows
from ifc_core.annotation.delta import Delta
from ifc_core.annotation.history import cursor
from ifc_core.annotation.pointer_tables import CHANGE_WIDTH, FRAME, TRACK, VIDEO, Table
from ifc_core.annotation.schema import SOURCE_CODE, STATE_CODE
from ifc_core.structures import FrameState, MaskSource, RLEMask

_NEW_MASK, _NEW_STATE, _NEW_SOURCE, _NEW_AREA = 8, 9, 11, 12  # columns of a change table
_TRACK_VIDEO, _TRACK_CATEGORY, _TRACK_SCORE = 1, 2, 3  # columns of a row of tracks
_FEWEST_STEPPED = 4  # frames from which on their distances say that every n-th one was meant
_KIND = "ImportTracks"  # the edit's name in the journal
_FILE = re.compile(r"Import .+? from (.+)", re.DOTALL)
_MASKS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class ImportedProposals:
    """What a file proposed on one video.

    Attributes:
        file: Name of the file.
        categories: Track -> id of its class when it came.
        scores: Track -> confidence when it came.
        frames: Frames with masks, ascending.
        pointers: (n, 3) frame, track and mask record, by frame.
    """

    file: str
    categories: dict[int, int]
    scores: dict[int, float]
    frames: npt.NDArray[np.int64] = field(repr=False)
    pointers: Table = field(repr=False)

    def looked_at(self, frames: Sequence[int]) -> list[int]:
        """Of some frames those that the file surely covers.

        A project keeps masks and not which frames a file held: they are those from the first one
        with a mask to the last, every n-th where only such ones have masks.
        """
        first, last = int(self.frames[0]), int(self.frames[-1])
        step = 1
        if len(self.frames) >= _FEWEST_STEPPED:
            step = int(np.gcd.reduce(np.diff(self.frames)))
        return [f for f in frames if first <= f <= last and (f - first) % step == 0]


def read_imported(
    db: sqlite3.Connection, video_ids: Collection[int]
) -> dict[int, ImportedProposals]:
    """The latest import of proposals alone, of each video that has one.

    An import with anything that a person made or reviewed is none: what is proposed in it is
    not all that was found. Neither is one that left out what the project had already, nor one
    that was undone or is so old that the journal has forgotten it.

    Args:
        db: Connection to the project file.
        video_ids: The videos.
    """
    found: dict[int, ImportedProposals] = {}
    entries = db.execute(
        "SELECT seq, label, command FROM journal WHERE kind = ? AND seq <= ? ORDER BY seq DESC",
        (_KIND, cursor(db)),
    ).fetchall()
    for seq, label, command in entries:
        missing = set(video_ids) - set(found)
        if not missing:
            break
        if _left_out(command):
            continue
        (data,) = db.execute("SELECT delta FROM journal WHERE seq = ?", (seq,)).fetchone()
        named = _FILE.fullmatch(label)
        with suppress(ValueError):  # an entry that is damaged says nothing
            found |= _proposed(Delta.decode(data), missing, named[1] if named else label)
    return found


def read_records(
    db: sqlite3.Connection, folder: Path, mask_ids: Sequence[int], size: tuple[int, int]
) -> Iterator[tuple[int, RLEMask]]:
    """Record id and mask of those that have one.

    Args:
        db: Connection to the project file.
        folder: The project folder.
        mask_ids: The records.
        size: (height, width) of their video.
    """
    for begin in range(0, len(mask_ids), _MASKS_AT_ONCE):
        part = [int(i) for i in mask_ids[begin : begin + _MASKS_AT_ONCE]]
        marks = ", ".join("?" * len(part))
        query = f"SELECT id, counts FROM masks WHERE id IN ({marks})"  # noqa: S608 - marks alone
        found = db.execute(query, part).fetchall()
        masks = rows.checked_rles([row[1] for row in found], size, folder)
        for (mask_id, _), rle in zip(found, masks, strict=True):
            if rle is not None:
                yield mask_id, rle


def _left_out(command: str) -> bool:
    """Whether an import left out what the project had; a strange command says nothing."""
    try:
        value = json.loads(command)
    except (ValueError, RecursionError):
        return True
    return not isinstance(value, dict) or bool(value.get("left_out"))


def _proposed(delta: Delta, video_ids: Collection[int], file: str) -> dict[int, ImportedProposals]:
    """What a delta brought into these videos, where all of it is a model's and proposed."""
    tables = [np.zeros((0, CHANGE_WIDTH), dtype=np.int64), *delta.tables()]
    change = np.concatenate(tables)
    heads = {i: new for i, (old, new) in delta.rows["tracks"].items() if old is None and new}
    found = {}
    for video_id in video_ids:
        own = change[change[:, VIDEO] == video_id]
        is_pure = (own[:, _NEW_STATE] == STATE_CODE[FrameState.PROPOSED]) & (
            own[:, _NEW_SOURCE] == SOURCE_CODE[MaskSource.MODEL]
        )
        tracks = {i: row for i, row in heads.items() if row[_TRACK_VIDEO] == video_id}
        if not len(own) or not is_pure.all() or not set(np.unique(own[:, TRACK])) <= set(tracks):
            continue
        if any(key[0] == video_id for key in delta.frames):  # frames that the file approved
            continue
        shown = own[own[:, _NEW_AREA] > 0][:, [FRAME, TRACK, _NEW_MASK]]
        shown = shown[np.argsort(shown[:, 0], kind="stable")]
        if len(shown):
            found[video_id] = ImportedProposals(
                file,
                {i: int(row[_TRACK_CATEGORY]) for i, row in tracks.items()},
                {i: float(row[_TRACK_SCORE]) for i, row in tracks.items()},
                np.unique(shown[:, 0]),
                shown,
            )
    return found
