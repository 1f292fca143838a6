"""Proposals as a file brought them in, read from the journal: what was corrected since is not."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ifc_core.annotation import rows
from ifc_core.annotation.covered_frames import Runs, among, from_text
from ifc_core.annotation.delta import Delta
from ifc_core.annotation.history import cursor
from ifc_core.annotation.pointer_tables import CHANGE_WIDTH, FRAME, TRACK, VIDEO, Table
from ifc_core.annotation.schema import SOURCE_CODE, STATE_CODE
from ifc_core.structures import FrameState, MaskSource, RLEMask

_NEW_MASK, _NEW_STATE, _NEW_SOURCE, _NEW_AREA = 8, 9, 11, 12  # columns of a change table
_TRACK_VIDEO, _TRACK_CATEGORY, _TRACK_SCORE = 1, 2, 3  # columns of a row of tracks
_FEWEST_STEPPED = 4  # frames from which on their distances say that every n-th one was meant
_KIND = "ImportTracks"  # the edit's name in the journal
_MERGE = "RemoveCategory"
_FILE = re.compile(r"Import .+? from (.+)", re.DOTALL)
_MASKS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class ImportedProposals:
    """What a file proposed on one video.

    Attributes:
        file: Name of the file.
        categories: Track -> id of its class when it came, or of the one that this was merged into.
        scores: Track -> confidence when it came.
        frames: Frames with masks, ascending.
        pointers: (n, 3) frame, track and mask record, by frame.
        covered: The frames that the file covers; ``None`` where the journal does not say.
        may_lack: The journal does not say whether it left out what the project had already.
        passed_over: Later files with proposals for the video that are not judged, the last first:
            none of them is whole, or holds proposals alone.
    """

    file: str
    categories: dict[int, int]
    scores: dict[int, float]
    frames: npt.NDArray[np.int64] = field(repr=False)
    pointers: Table = field(repr=False)
    covered: Runs | None = field(default=None, repr=False)
    may_lack: bool = False
    passed_over: tuple[str, ...] = ()

    def looked_at(self, frames: Sequence[int]) -> list[int]:
        """Of some frames those that the file covers.

        Where the journal does not say it, those that it surely covers: from the first one with a
        mask to the last, every n-th where only such ones have masks.
        """
        if self.covered is not None:
            return among(frames, self.covered)
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
    that was undone or is so old that the journal has forgotten it. A video on which the latest
    file found nothing has that where no other import of proposals is there.

    Args:
        db: Connection to the project file.
        video_ids: The videos.
    """
    found: dict[int, ImportedProposals] = {}
    empty: dict[int, ImportedProposals] = {}
    passed: dict[int, tuple[str, ...]] = dict.fromkeys(video_ids, ())
    entries = db.execute(
        "SELECT seq, label, command FROM journal WHERE kind = ? AND seq <= ? ORDER BY seq DESC",
        (_KIND, cursor(db)),
    ).fetchall()
    for seq, label, command in entries:
        missing = set(video_ids) - set(found)
        if not missing:
            break
        (data,) = db.execute("SELECT delta FROM journal WHERE seq = ?", (seq,)).fetchone()
        named = _FILE.fullmatch(label)
        with suppress(ValueError, RecursionError):  # an entry that is damaged says nothing
            entry = _Entry.read(named[1] if named else label, command, Delta.decode(data))
            for video_id in missing:
                proposals = entry.proposals(video_id, passed[video_id])
                if proposals is not None and len(proposals.frames):
                    found[video_id] = _with_classes_now(db, seq, proposals)
                elif proposals is not None:
                    empty.setdefault(video_id, proposals)
                if proposals is not None or entry.lacks(video_id):
                    passed[video_id] = (*passed[video_id], entry.file)
    return empty | found


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


@dataclass(frozen=True, slots=True)
class _Entry:
    """An import as the journal knows it.

    Attributes:
        file: Name of the file.
        has_left_out: Whether it left out what the project had; ``None`` where that is not said.
        covered: Video -> frames that the file covers; ``None`` where that is not said.
        added: The videos that came with it.
        approved: Videos of which the file approved frames.
        heads: Track -> its row, of those that came with it.
        change: What these tracks show, as a change table.
    """

    file: str
    has_left_out: bool | None
    covered: dict[int, Runs] | None
    added: tuple[int, ...]
    approved: frozenset[int]
    heads: dict[int, tuple[Any, ...]]
    change: Table

    @classmethod
    def read(cls, file: str, command: str, delta: Delta) -> _Entry:
        """From the account of the edit and what it changed.

        Raises:
            ValueError: It is damaged.
        """
        value = json.loads(command)
        if not isinstance(value, dict):
            raise ValueError("not the account of an edit")
        left_out, covered = value.get("left_out"), value.get("covered")
        added = _new_rows(delta, "videos")
        heads = _new_rows(delta, "tracks")
        change = np.concatenate([np.zeros((0, CHANGE_WIDTH), dtype=np.int64), *delta.tables()])
        return cls(
            file,
            None if left_out is None else bool(left_out),
            from_text(covered, sorted(added)) if covered and isinstance(covered, str) else None,
            tuple(added),
            frozenset(video_id for video_id, _ in delta.frames),
            heads,
            change[np.isin(change[:, TRACK], np.array(list(heads), dtype=np.int64))],
        )

    def proposals(self, video_id: int, passed_over: tuple[str, ...]) -> ImportedProposals | None:
        """What it proposed on a video; ``None`` where that is not all that was found.

        Args:
            video_id: The video.
            passed_over: Later files that are none.
        """
        own = self.change[self.change[:, VIDEO] == video_id]
        known = (self.covered or {}).get(video_id)
        is_whole = not self.has_left_out and video_id not in self.approved
        # Without a mask there it is one of proposals where all the others are.
        is_pure = _found(own if len(own) else self.change)
        if not is_whole or not len(is_pure) or not is_pure.all() or not (len(own) or known):
            return None
        heads = {i: row for i, row in self.heads.items() if row[_TRACK_VIDEO] == video_id}
        shown = own[own[:, _NEW_AREA] > 0][:, [FRAME, TRACK, _NEW_MASK]]
        shown = shown[np.argsort(shown[:, 0], kind="stable")]
        if not len(shown) and not known:
            return None
        return ImportedProposals(
            self.file,
            {i: int(row[_TRACK_CATEGORY]) for i, row in heads.items()},
            {i: float(row[_TRACK_SCORE]) for i, row in heads.items()},
            np.unique(shown[:, 0]),
            shown,
            known,
            self.has_left_out is None and video_id not in self.added,
            passed_over,
        )

    def lacks(self, video_id: int) -> bool:
        """Whether it proposed something on a video that is not all that was found."""
        own = self.change[self.change[:, VIDEO] == video_id]
        if len(own) or not self.has_left_out:
            return bool(_found(own).any())
        is_found = _found(self.change)
        return video_id in (self.covered or {}) and bool(not len(is_found) or is_found.any())


def _found(change: Table) -> npt.NDArray[np.bool_]:
    """(n,) which rows are proposed, by a model."""
    is_proposed = change[:, _NEW_STATE] == STATE_CODE[FrameState.PROPOSED]
    by_model = change[:, _NEW_SOURCE] == SOURCE_CODE[MaskSource.MODEL]
    both: npt.NDArray[np.bool_] = is_proposed & by_model
    return both


def _new_rows(delta: Delta, table: str) -> dict[int, tuple[Any, ...]]:
    return {i: new for i, (old, new) in delta.rows[table].items() if old is None and new}


def _with_classes_now(
    db: sqlite3.Connection, seq: int, proposals: ImportedProposals
) -> ImportedProposals:
    """The same, where classes were merged since with the ids that these have now."""
    entries = db.execute(
        "SELECT command FROM journal WHERE seq > ? AND seq <= ? AND instr(command, ?) ORDER BY seq",
        (seq, cursor(db), _MERGE),
    )
    classes = {category: category for category in proposals.categories.values()}
    for (command,) in entries.fetchall():
        with suppress(ValueError, RecursionError):
            for gone, target in _merged(json.loads(command)):
                classes = {old: target if now == gone else now for old, now in classes.items()}
    now = {track: classes[category] for track, category in proposals.categories.items()}
    return replace(proposals, categories=now)


def _merged(edit: object) -> Iterator[tuple[int, int]]:
    """Which class became which one, of an edit and of those that it holds."""
    if not isinstance(edit, dict):
        return
    if edit.get("edit") == _MERGE:
        ids = edit.get("category_id"), edit.get("replace_with")
        if isinstance(ids[0], int) and isinstance(ids[1], int):
            yield ids[0], ids[1]
    held = edit.get("edits")
    for inner in held if isinstance(held, list) else ():
        yield from _merged(inner)
