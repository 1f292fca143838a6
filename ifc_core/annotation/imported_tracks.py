"""Tracks of an import that wait on disk for the edit which shows them."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import overload

import numpy as np

from ifc_core.annotation.edits.imported import ImportedTrack
from ifc_core.annotation.pointer_tables import Table
from ifc_core.errors import OutputError

_WIDTH = 6
_IN_MEMORY_BYTES = 8 << 20


class SpooledTracks(Sequence[ImportedTrack]):
    """Headers in memory, pointers in a temporary file once they are more than a few.

    Pointers come with queue numbers in place of record ids; :meth:`finish` says which id each
    number got.
    """

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115 - see close()
        self._headers: list[ImportedTrack] = []
        self._places: list[tuple[int, int]] = []  # (first row, rows) in the file
        self._orders: list[tuple[int, int]] = []
        self._chunks: Sequence[range] = ()
        self._begins: Table = np.zeros(0, dtype=np.int64)
        self.num_pointers = 0

    def add(self, track: ImportedTrack, z_order: int) -> None:
        """Take a track.

        Args:
            track: The track.
            z_order: Its place in the stack, as its file says.

        Raises:
            OutputError: The disk is full.
        """
        try:
            self._file.write(np.ascontiguousarray(track.pointers).tobytes())
        except OSError as error:
            raise OutputError(
                f"There is no room for the import on disk: {error.strerror}.",
                path=Path(tempfile.gettempdir()),
            ) from error
        self._orders.append((z_order, len(self._headers)))
        self._places.append((self.num_pointers, len(track.pointers)))
        self._headers.append(replace(track, pointers=np.zeros((0, _WIDTH), dtype=np.int64)))
        self.num_pointers += len(track.pointers)

    def finish(self, chunks: Sequence[range]) -> None:
        """Put the tracks in order from bottom to top, and give the records their ids.

        Args:
            chunks: Record ids in the order of the queue.
        """
        self._orders.sort()
        self._chunks = chunks
        self._begins = np.cumsum([0, *(len(chunk) for chunk in chunks)])[:-1]

    def close(self) -> None:
        """Remove the temporary file."""
        self._file.close()

    def __len__(self) -> int:
        return len(self._headers)

    @overload
    def __getitem__(self, index: int) -> ImportedTrack: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[ImportedTrack]: ...
    def __getitem__(self, index: int | slice) -> ImportedTrack | Sequence[ImportedTrack]:
        """A track as it shall be shown, read from the file."""
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        number = self._orders[index][1]
        first, count = self._places[number]
        self._file.seek(first * _WIDTH * 8)
        data = self._file.read(count * _WIDTH * 8)
        pointers = np.frombuffer(data, dtype=np.int64).reshape(-1, _WIDTH).copy()
        chunk = np.searchsorted(self._begins, pointers[:, 1], side="right") - 1
        starts = np.array([ids.start for ids in self._chunks], dtype=np.int64)
        if count:
            pointers[:, 1] += starts[chunk] - self._begins[chunk]
        return replace(self._headers[number], pointers=pointers)
