"""Frames that a propagation was to fill and that nobody annotated since.

Nothing is stored for it: an accepted run keeps what it staged, and frames without the object
are staged as absent. Undoing the run, annotating the frame or approving it takes the gap away.
Tracks are merged, split and swapped after a run, so a gap belongs to the track that now shows
what the run found nearest to it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ifc_core.annotation.records import RunState
from ifc_core.annotation.rows import read_object

KIND = "propagate"
ASKED_KEY = "frames"
"""Beside the settings of a propagation: first and last frame that it was asked for."""

Shown = Mapping[int, tuple[npt.NDArray[np.integer], npt.NDArray[np.int64]]]
"""Track id -> its annotated frames and their records, for all tracks of a video."""

_ASKED, _DONE, _LOST = 1, 2, 3  # the state of a frame; 0 where nothing was asked for
_ACCEPTED = "SELECT id FROM runs WHERE video_id = ? AND state = ? AND kind = ? ORDER BY id"
_STAGED = """
SELECT instance_id, group_concat(frame_index), group_concat(mask_id),
    group_concat(coalesce((SELECT area FROM masks WHERE masks.id = mask_id), 1) > 0)
FROM staged WHERE run_id = ? GROUP BY instance_id
"""

_Numbers = npt.NDArray[np.int64]
_States = dict[int, tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]]


@dataclass(frozen=True, slots=True, eq=False)
class PropagationGaps:
    """What the propagations of one track left open; frames ascending.

    Attributes:
        lost: (n,) int64 frames on which the last propagation that came there did not find the
            object.
        unreached: (m,) int64 frames that were asked for and that none came to.
    """

    lost: npt.NDArray[np.int64]
    unreached: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """What one run staged for one instance; frames ascending."""

    run_id: int
    instance_id: int
    asked: slice
    frames: _Numbers
    mask_ids: _Numbers
    found: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class _Places:
    """Places that may be gaps: columns of equal length."""

    part: _Numbers
    frame: _Numbers
    state: _Numbers
    owner: _Numbers

    def take(self, chosen: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> _Places:
        return _Places(
            self.part[chosen], self.frame[chosen], self.state[chosen], self.owner[chosen]
        )


class Propagations:
    """What the accepted propagations of a video staged, so far as it can leave a gap.

    It stays as it is while no run is accepted or taken back; what tracks show is given anew.

    Attributes:
        runs: Ids of the runs, ascending.
    """

    def __init__(self, runs: tuple[int, ...], parts: list[_Part], num_frames: int) -> None:
        self.runs = runs
        self._num_frames = num_frames
        self._run = np.array([part.run_id for part in parts], dtype=np.int64)
        self._instance = np.array([part.instance_id for part in parts], dtype=np.int64)
        self._places = _places(_last_states(parts, num_frames), num_frames)
        # What was found, by part and frame, for the parts that are asked about.
        asked_about = np.unique(self._places.part).tolist()
        keys = [p * num_frames + parts[p].frames[parts[p].found] for p in asked_about]
        masks = [parts[p].mask_ids[parts[p].found] for p in asked_about]
        nothing = np.zeros(0, dtype=np.int64)
        self._found, self._masks = (
            np.concatenate([nothing, *keys]),
            np.concatenate([nothing, *masks]),
        )
        self._by_mask = np.argsort(self._masks, kind="stable")

    def gaps(
        self, tracks: Collection[int], shown: Shown, approved: npt.ArrayLike
    ) -> dict[int, PropagationGaps]:
        """The gaps of each track: track id -> gaps; tracks without any are left out.

        Args:
            tracks: Ids of the tracks that are there.
            shown: What they show.
            approved: Frames that were called complete.
        """
        places = self._owned(tracks, shown)
        places = places.take(~np.isin(places.frame, approved) & (places.owner > 0))
        gaps = {}
        for track_id in np.unique(places.owner).tolist():
            own = places.take(places.owner == track_id)
            if track_id in shown:
                own = own.take(~np.isin(own.frame, shown[track_id][0]))
            lost, unreached = (np.sort(own.frame[own.state == s]) for s in (_LOST, _ASKED))
            if len(lost) or len(unreached):
                gaps[track_id] = PropagationGaps(lost, unreached)
        return gaps

    def needed(self, tracks: Collection[int], shown: Shown) -> set[tuple[int, int, int]]:
        """What of the staged rows says where objects are lost, and whose they are.

        Args:
            tracks: Ids of the tracks that are there.
            shown: What they show.

        Returns:
            (run, frame, instance) of the lost frames, annotated since or not, and of the shown
            ones nearest to them that the same run found.
        """
        places = self._owned(tracks, shown)
        places = places.take(places.state == _LOST)
        keys = self._found[self._shown_by(shown) > 0]
        *neighbours, steps = self._neighbours(keys, places)
        wanted = [places.part * self._num_frames + places.frame]
        for near, distance in zip(neighbours, steps, strict=True):
            wanted.append(keys[near[distance < self._num_frames]])
        part, frame = np.divmod(np.unique(np.concatenate(wanted)), max(1, self._num_frames))
        columns = self._run[part].tolist(), frame.tolist(), self._instance[part].tolist()
        return set(zip(*columns, strict=True))

    def _owned(self, tracks: Collection[int], shown: Shown) -> _Places:
        """The gaps with their owners; of several runs that came to a frame the last one counts."""
        places = self._places
        if not len(places.frame):
            return places
        owner = self._nearest(self._shown_by(shown))
        instance = self._instance[places.part]
        is_there = np.isin(instance, np.array(list(tracks), dtype=np.int64))
        fallback = np.where(is_there, instance, -instance)  # nobody's, and of one object each
        owner = np.where(owner > 0, owner, fallback)
        order = np.lexsort((places.part, places.state != _ASKED, places.frame, owner))
        owner, frame = owner[order], places.frame[order]
        is_last = np.ones(len(order), dtype=np.bool_)
        is_last[:-1] = (owner[1:] != owner[:-1]) | (frame[1:] != frame[:-1])
        places = _Places(places.part[order], frame, places.state[order], owner).take(is_last)
        return places.take(places.state != _DONE)

    def _shown_by(self, shown: Shown) -> _Numbers:
        """(F,) the track that shows each mask that was found; 0 where none does."""
        by_mask, known = np.zeros(len(self._masks), dtype=np.int64), self._masks[self._by_mask]
        for track_id, (_, mask_ids) in shown.items():
            if len(known):
                place = np.minimum(np.searchsorted(known, mask_ids), len(known) - 1)
                by_mask[place[known[place] == mask_ids]] = track_id
        tracks = np.zeros_like(by_mask)
        tracks[self._by_mask] = by_mask
        return tracks

    def _nearest(self, shown_by: _Numbers) -> _Numbers:
        """Of each place the track that shows what its run found nearest to it, or 0."""
        is_shown = shown_by > 0
        tracks, keys = shown_by[is_shown], self._found[is_shown]
        before, after, steps = self._neighbours(keys, self._places)
        near = np.where(steps[0] <= steps[1], before, after)
        owner = np.zeros(len(near), dtype=np.int64)
        known = np.minimum(*steps) < self._num_frames
        owner[known] = tracks[near[known]]
        return owner

    def _neighbours(
        self, keys: _Numbers, places: _Places
    ) -> tuple[_Numbers, _Numbers, tuple[_Numbers, _Numbers]]:
        """Of each place the keys of its part before and after it, and how far they are."""
        wanted = places.part * self._num_frames + places.frame
        after = np.searchsorted(keys, wanted).astype(np.int64)
        steps = []
        for place in (after - 1, after):
            distance = np.full(len(wanted), self._num_frames, dtype=np.int64)
            inside = (place >= 0) & (place < len(keys))
            key = keys[place[inside]]
            same = key // self._num_frames == places.part[inside]
            apart = np.abs(key - wanted[inside])
            distance[inside] = np.where(same, apart, self._num_frames)
            steps.append(distance)
        return after - 1, after, (steps[0], steps[1])


def read_propagations(
    db: sqlite3.Connection, video_id: int, known: Propagations | None = None
) -> Propagations:
    """What the accepted propagations of a video staged.

    Args:
        db: Connection.
        video_id: The video; an unknown one has none.
        known: What was read before; given back where the same runs are accepted.
    """
    accepted = db.execute(_ACCEPTED, (video_id, RunState.ACCEPTED.value, KIND))
    runs = tuple(row[0] for row in accepted.fetchall())
    if known is not None and known.runs == runs:
        return known
    row = db.execute("SELECT num_frames FROM videos WHERE id = ?", (video_id,)).fetchone()
    num_frames = 0 if row is None else int(row[0])
    parts = [part for run_id in runs for part in _parts(db, run_id, num_frames)]
    return Propagations(runs, parts, num_frames)


def gaps_of_video(db: sqlite3.Connection, video_id: int) -> dict[int, PropagationGaps]:
    """The gaps of a video's tracks: track id -> gaps; tracks without any are left out.

    Args:
        db: Connection.
        video_id: The video; an unknown one has no gaps.
    """
    propagations = read_propagations(db, video_id)
    if not propagations.runs:
        return {}
    shown = shown_in(db, video_id)
    query = "SELECT group_concat(frame_index) FROM exhaustive WHERE video_id = ?"
    approved = _numbers(db.execute(query, (video_id,)).fetchone()[0])
    return propagations.gaps(shown, shown, approved)


def forget_runs(db: sqlite3.Connection, run_ids: Collection[int]) -> None:
    """Of accepted propagations drop all but where they lost their objects.

    What they were asked for goes, too: without what they found, all of it would seem unreached.
    """
    videos = "SELECT DISTINCT video_id FROM runs WHERE state = ? AND kind = ?"
    needed = set[tuple[int, int, int]]()
    for (video_id,) in db.execute(videos, (RunState.ACCEPTED.value, KIND)).fetchall():
        shown = shown_in(db, video_id)
        needed |= read_propagations(db, video_id).needed(shown, shown)
    for run_id in run_ids:
        rows = db.execute("SELECT frame_index, instance_id FROM staged WHERE run_id = ?", (run_id,))
        gone = [(run_id, *row) for row in rows.fetchall() if (run_id, *row) not in needed]
        drop = "DELETE FROM staged WHERE run_id = ? AND frame_index = ? AND instance_id = ?"
        db.executemany(drop, gone)
        query = "SELECT CAST(settings AS BLOB) FROM runs WHERE id = ?"
        settings = read_object(db.execute(query, (run_id,)).fetchone()[0]) or {}
        if settings.pop(ASKED_KEY, None) is not None:
            change = "UPDATE runs SET settings = ? WHERE id = ?"
            db.execute(change, (json.dumps(settings), run_id))


def shown_in(db: sqlite3.Connection, video_id: int) -> Shown:
    """What every track of a video shows; empty arrays where that is nothing."""
    query = (
        "SELECT group_concat(frame_index), group_concat(mask_id) FROM current WHERE track_id = ?"
    )
    shown = {}
    for (track_id,) in db.execute("SELECT id FROM tracks WHERE video_id = ?", (video_id,)):
        frames, mask_ids = db.execute(query, (track_id,)).fetchone()
        shown[track_id] = (_numbers(frames), _numbers(mask_ids))
    return shown


def _parts(db: sqlite3.Connection, run_id: int, num_frames: int) -> Iterator[_Part]:
    query = "SELECT CAST(settings AS BLOB) FROM runs WHERE id = ?"
    asked = _asked(db.execute(query, (run_id,)).fetchone()[0])
    for instance_id, *texts in db.execute(_STAGED, (run_id,)):
        columns = np.array([_numbers(text) for text in texts])
        columns = columns[:, (columns[0] >= 0) & (columns[0] < num_frames)]
        frames, mask_ids, found = columns[:, np.argsort(columns[0])]
        yield _Part(run_id, instance_id, asked, frames, mask_ids, found > 0)


def _last_states(parts: list[_Part], num_frames: int) -> _States:
    """Of each instance the (V,) states of the frames, and the part that each comes from."""
    states: _States = {}
    for number, part in enumerate(parts):
        if part.instance_id not in states:
            empty = np.zeros(num_frames, np.uint8), np.full(num_frames, -1, np.int32)
            states[part.instance_id] = empty
        state, source = states[part.instance_id]
        source[part.asked][state[part.asked] <= _ASKED] = number
        np.maximum(state[part.asked], _ASKED, out=state[part.asked])
        state[part.frames] = np.where(part.found, _DONE, _LOST)
        source[part.frames] = number
    return states


def _places(states: _States, num_frames: int) -> _Places:
    """Frames that are open for an instance, and those that are done where one is open."""
    is_open = np.zeros(num_frames, dtype=np.bool_)
    for state, _ in states.values():
        is_open |= (state == _ASKED) | (state == _LOST)
    columns = [np.zeros((3, 0), dtype=np.int64)]
    for state, source in states.values():
        frames = np.flatnonzero(is_open & (state > 0))
        columns.append(np.array([source[frames], frames, state[frames]], dtype=np.int64))
    part, frame, known = np.concatenate(columns, axis=1)
    return _Places(part, frame, known, np.zeros(len(part), dtype=np.int64))


def _asked(settings: object) -> slice:
    """The frames of the run's settings; none where these say nothing that makes sense."""
    match (read_object(settings) or {}).get(ASKED_KEY):
        case [int(first), int(last)] if 0 <= first <= last:
            return slice(first, last + 1)
    return slice(0)


def _numbers(text: str | None) -> _Numbers:
    return np.fromstring(text or "", dtype=np.int64, sep=",")
