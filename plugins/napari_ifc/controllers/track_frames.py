"""What one track shows over a video, prepared once for table, timeline and look-ups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ifc_core.annotation import FrameColumns, ProjectReader
from ifc_core.annotation.schema import FRAME_STATES, MASK_SOURCES, SOURCE_CODE, STATE_CODE
from ifc_core.jobs import JobContext
from ifc_core.structures import FrameState, MaskSource
from napari_ifc.rows import DOUBTFUL, SPAN_KINDS, SpanKind, Spans

_OF_STATE = {
    FrameState.PROPOSED: SpanKind.PROPOSED,
    FrameState.CORRECTED: SpanKind.CORRECTED,
    FrameState.APPROVED: SpanKind.APPROVED,
    FrameState.REJECTED: SpanKind.REJECTED,
    FrameState.ABSENT: SpanKind.ABSENT,
}
_TOUCHED = (FrameState.CORRECTED, FrameState.APPROVED, FrameState.ABSENT)


def _kind(state: FrameState, source: MaskSource) -> SpanKind:
    if state is FrameState.PROPOSED and source is MaskSource.DERIVED:
        return SpanKind.DERIVED
    if state is FrameState.PROPOSED and source is MaskSource.HUMAN:
        return SpanKind.CORRECTED
    return _OF_STATE[state]


_KIND_CODES = np.array(
    [[SPAN_KINDS.index(_kind(s, m)) for m in MASK_SOURCES] for s in FRAME_STATES], dtype=np.uint8
)


@dataclass(frozen=True, slots=True, eq=False)
class TrackFrames:
    """The frames of one track and what follows from them.

    Attributes:
        columns: What is known of each annotated frame.
        masked: (m,) int32, frames on which a mask is shown, ascending.
        spans: Neighbouring frames of one kind, joined.
        keyframes: (k,) int32, frames whose mask a person drew or corrected.
        doubt_frames: (d,) int32, frames that nobody reviewed and whose uncertainty is known.
        doubt: (d,) float32, their uncertainty.
        is_touched: Whether a person corrected, approved or marked anything absent.
    """

    columns: FrameColumns
    masked: npt.NDArray[np.int32]
    spans: Spans
    keyframes: npt.NDArray[np.int32]
    doubt_frames: npt.NDArray[np.int32]
    doubt: npt.NDArray[np.float32]
    is_touched: bool

    @classmethod
    def of(cls, columns: FrameColumns, step: int = 1) -> TrackFrames:
        """Prepare what is shown of a track.

        Args:
            columns: Its annotated frames.
            step: Frames at most this far apart are neighbours.
        """
        has_mask = columns.has_mask
        drawn = has_mask & (columns.source == SOURCE_CODE[MaskSource.HUMAN])
        proposed = columns.state == STATE_CODE[FrameState.PROPOSED]
        doubtful = has_mask & proposed & np.isfinite(columns.uncertainty)
        touched = np.isin(columns.state, [STATE_CODE[state] for state in _TOUCHED])
        return cls(
            columns,
            columns.frame_index[has_mask],
            spans_of(columns, step),
            columns.frame_index[drawn],
            columns.frame_index[doubtful],
            columns.uncertainty[doubtful],
            bool(touched.any()),
        )


def spans_of(columns: FrameColumns, step: int = 1) -> Spans:
    """Join neighbouring frames of one kind.

    Args:
        columns: Frames of one track, ascending.
        step: Frames at most this far apart are neighbours.
    """
    if not len(columns):
        return Spans()
    index = columns.frame_index
    kinds = _KIND_CODES[columns.state, columns.source]
    breaks = (np.diff(index) > step) | (kinds[1:] != kinds[:-1])
    starts = np.concatenate(([0], np.flatnonzero(breaks) + 1))
    ends = np.concatenate((starts[1:], [len(index)])) - 1
    return Spans(index[starts], index[ends] + np.int32(1), kinds[starts])


def runs_of(indices: Sequence[int]) -> list[tuple[int, int]]:
    """Join neighbouring numbers: (first, one past the last) of each run."""
    if not len(indices):
        return []
    values = np.asarray(indices, dtype=np.int64)
    starts = np.concatenate(([0], np.flatnonzero(np.diff(values) != 1) + 1))
    ends = np.concatenate((starts[1:], [len(values)])) - 1
    return list(zip(values[starts].tolist(), (values[ends] + 1).tolist(), strict=True))


def read_frames(
    reader: ProjectReader, video_id: int, context: JobContext | None = None
) -> dict[int, TrackFrames]:
    """Read and prepare every track of a video; for a long one, in a worker.

    Args:
        reader: The project, opened in the calling thread.
        video_id: The video.
        context: Can cancel.

    Raises:
        JobCancelled: The context was asked to stop.
    """
    check = (context or JobContext()).raise_if_cancelled
    step = reader.video(video_id).annotation_step
    prepared = {}
    for track_id, part in reader.frame_columns(video_id).items():
        check()
        prepared[track_id] = TrackFrames.of(part, step)
    return prepared


class MaskCounts:
    """How many masks each frame shows, kept current track by track.

    Args:
        num_frames: Frames of the video.

    Attributes:
        shown: (num_frames,) int32, masks on each frame.
        doubtful: (num_frames,) int32, those among them of which the model is unsure.
    """

    def __init__(self, num_frames: int) -> None:
        self.shown = np.zeros(num_frames, dtype=np.int32)
        self.doubtful = np.zeros(num_frames, dtype=np.int32)

    def add(self, track: TrackFrames, by: int = 1) -> None:
        """Add a track's masks, or take them away with ``by=-1``."""
        unsure = track.doubt_frames[track.doubt >= DOUBTFUL]
        for counts, frames in ((self.shown, track.masked), (self.doubtful, unsure)):
            counts[frames[frames < len(counts)]] += by
