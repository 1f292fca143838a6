"""Frames that a propagation was to fill and that nobody annotated since.

Nothing is stored for it: an accepted run keeps what it staged, and frames without the object
are staged as absent. Undoing the run, annotating the frame or approving it takes the gap away.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ifc_core.annotation.records import RunState
from ifc_core.annotation.rows import read_object

KIND = "propagate"
ASKED_KEY = "frames"
"""Beside the settings of a propagation: first and last frame that it was asked for."""

_ASKED, _DONE, _LOST = 1, 2, 3  # the state of a frame; 0 where nothing was asked for
_DONE_FRAMES = """
SELECT instance_id, group_concat(frame_index) FROM staged WHERE run_id = ? GROUP BY instance_id
"""
_LOST_FRAMES = """
SELECT instance_id, frame_index FROM (
    SELECT staged.instance_id, staged.frame_index, max(staged.run_id), masks.area AS area
    FROM runs CROSS JOIN staged ON staged.run_id = runs.id JOIN masks ON masks.id = staged.mask_id
    WHERE runs.video_id = ? AND runs.state = ? AND runs.kind = ? AND NOT EXISTS (
        SELECT 1 FROM current WHERE current.video_id = runs.video_id
        AND current.frame_index = staged.frame_index AND track_id = staged.instance_id)
    GROUP BY staged.instance_id, staged.frame_index
) WHERE area = 0
"""  # of several runs the last one counts: max() chooses the row that area is of


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


def gaps_of_video(db: sqlite3.Connection, video_id: int) -> dict[int, PropagationGaps]:
    """The gaps of a video's tracks: track id -> gaps; tracks without any are left out.

    Args:
        db: Connection.
        video_id: The video; an unknown one has no gaps.
    """
    states = _states(db, video_id)
    if not states:
        return {}
    values = (video_id, RunState.ACCEPTED.value, KIND)
    for track_id, frame_index in db.execute(_LOST_FRAMES, values):
        if frame_index < len(states[track_id]):
            states[track_id][frame_index] = _LOST
    query = "SELECT group_concat(frame_index) FROM exhaustive WHERE video_id = ?"
    approved = _frames(db.execute(query, (video_id,)).fetchone()[0])
    gaps = {}
    for track_id, state in states.items():
        query = "SELECT group_concat(frame_index) FROM current WHERE track_id = ?"
        annotated = _frames(db.execute(query, (track_id,)).fetchone()[0])
        for known in (annotated, approved):
            state[known[known < len(state)]] = 0
        found = PropagationGaps(np.flatnonzero(state == _LOST), np.flatnonzero(state == _ASKED))
        if len(found.lost) or len(found.unreached):
            gaps[track_id] = found
    return gaps


def _states(db: sqlite3.Connection, video_id: int) -> dict[int, npt.NDArray[np.uint8]]:
    """Of each track that was propagated the (V,) frames that were asked for and come to."""
    query = (
        "SELECT runs.id, CAST(settings AS BLOB), num_frames "  # also what is not UTF-8
        "FROM runs JOIN videos ON videos.id = video_id "
        "WHERE video_id = ? AND state = ? AND kind = ?"
    )
    states: dict[int, npt.NDArray[np.uint8]] = {}
    runs = db.execute(query, (video_id, RunState.ACCEPTED.value, KIND)).fetchall()
    for run_id, settings, num_frames in runs:
        asked = _asked(settings)
        for track_id, text in db.execute(_DONE_FRAMES, (run_id,)):
            state = states.setdefault(track_id, np.zeros(num_frames, dtype=np.uint8))
            np.maximum(state[asked], _ASKED, out=state[asked])
            frames = _frames(text)
            state[frames[frames < num_frames]] = _DONE
    return states


def _asked(settings: object) -> slice:
    """The frames of the run's settings; none where these say nothing that makes sense."""
    match (read_object(settings) or {}).get(ASKED_KEY):
        case [int(first), int(last)] if 0 <= first <= last:
            return slice(first, last + 1)
    return slice(0)


def _frames(text: str | None) -> npt.NDArray[np.int64]:
    return np.fromstring(text or "", dtype=np.int64, sep=",")
