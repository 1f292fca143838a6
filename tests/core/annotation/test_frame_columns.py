"""What all tracks of a long video show, in memory that a laptop has."""

from __future__ import annotations

import tracemalloc

import numpy as np

from ifc_core.annotation.frame_columns import columns_of_video

_TRACKS, _FRAMES, _AT_ONCE = 20, 4_096, 128
_FIELD_BYTES = 30  # of one track on one frame


class _Rows:
    """A database of many masks, which hands over joined text as SQLite does."""

    def execute(self, query, values):
        for begin in range(0, _FRAMES, _AT_ONCE):
            frame, track = np.divmod(np.arange(_TRACKS * _AT_ONCE), _TRACKS)
            columns = [track + 1, frame + begin, frame * 7, frame % 3 * 16, frame + 9]
            yield tuple(",".join(map(str, c)) for c in [*columns, frame, frame * 0 - 1, track])


def test_reading_takes_little_more_than_what_is_kept():
    columns_of_video(_Rows(), 1)  # what is imported on the way
    tracemalloc.start()
    try:
        found = columns_of_video(_Rows(), 1)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert list(found) == list(range(1, _TRACKS + 1))
    for track_id, columns in found.items():
        assert np.array_equal(columns.frame_index, np.arange(_FRAMES))
        assert np.array_equal(columns.area_px[_AT_ONCE:][:3], (9, 10, 11))
        assert np.isnan(columns.link_score).all()
        assert np.allclose(columns.quality, (track_id - 1) / 65536)
    assert peak < 3.5 * _FIELD_BYTES * _TRACKS * _FRAMES
