"""Masks of live input as they come: one line of JSON for each finished frame."""

from __future__ import annotations

import errno
import json
import os
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ifc_core.errors import OutputError
from ifc_core.inference.results import FrameMask, FrameResult
from ifc_core.io.atomic import check_output
from ifc_core.io.video_suffixes import FILE_SUFFIXES
from ifc_core.structures import Category

STANDARD_OUTPUT = Path("-")
_GONE_ERRNOS = (errno.EINVAL,) if os.name == "nt" else ()
"""What Windows says of a pipe whose reader went away; elsewhere it is a ``ConnectionError``."""


class FrameStream:
    """Writes lines of JSON, each whole and at once, to a file, a pipe or standard output.

    Unlike other outputs it is there from the beginning and grows: whoever acts on the masks reads
    them while the run goes on. A reader that went away is no error; what else ends it is kept, to
    be told of when the file that was asked for besides has what was found.

    Args:
        place: The file, made anew; a named pipe, which waits for its reader; or ``-``.
        categories: Of the model, by label.

    Attributes:
        name: What it is called in sentences.
        has_reader: Whether lines are taken; once they are not, none is written any more.
        failure: Why not, such as a full disk; ``None`` where the reader went away.

    Raises:
        OutputError: It cannot be opened.
    """

    def __init__(self, place: Path, categories: Sequence[Category]) -> None:
        self.name = "standard output" if place == STANDARD_OUTPUT else str(place)
        self.has_reader = True
        self.failure: OutputError | None = None
        self._place = place
        self._categories = categories
        self._file = _opened(place)

    def write(self, frame: FrameResult, times: FrameTimes, delay: float, dropped: int) -> None:
        """Write the line of a frame; nothing happens once nobody reads.

        Args:
            frame: What was found on it.
            times: When its frames came.
            delay: Seconds from then until its masks were there.
            dropped: Frames that were dropped so far.
        """
        since_first, unix = times.pop(frame.frame_index)
        if not self.has_reader:
            return
        values = {
            "frame_index": frame.frame_index,
            "time_seconds": round(since_first, 6),
            "unix_seconds": round(unix, 6),
            "delay_seconds": round(delay, 6),
            "dropped": dropped,
            "tracks": [self._track(mask) for mask in frame.masks],
        }
        self._send((json.dumps(values, separators=(",", ":"), allow_nan=False) + "\n").encode())

    def close(self) -> None:
        """Let go of the file; a disk of a network may say only now that it is full."""
        if self._file is not None:
            file, self._file = self._file, None
            try:
                os.close(file)
            except OSError as error:
                self.failure = self.failure or _cannot_write(self.name, self._place, error)

    def _track(self, mask: FrameMask) -> dict[str, Any]:
        category = self._categories[mask.label]
        return {
            "id": streamed_id(mask.instance_id),
            "category_id": category.id,
            "category": category.name,
            "score": round(mask.score, 4),
            "quality": None if mask.quality is None else round(mask.quality, 4),
            "bbox": list(mask.rle.bbox_xywh),
            "segmentation": mask.rle.to_coco(),
        }

    def _send(self, line: bytes) -> None:
        try:
            if self._file is None:  # standard output that is no file, as in a notebook
                sys.stdout.write(line.decode())
                sys.stdout.flush()
                return
            rest = memoryview(line)
            while rest:  # a pipe takes less than it is given where a signal comes
                rest = rest[os.write(self._file, rest) :]
        except OSError as error:
            self.has_reader = False
            if not isinstance(error, ConnectionError) and error.errno not in _GONE_ERRNOS:
                self.failure = _cannot_write(self.name, self._place, error)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class FrameTimes:
    """When each frame of a live source came, for as long as it is asked for."""

    def __init__(self) -> None:
        self._came: deque[tuple[int, float, float]] = deque()  # written by the thread that reads
        self._first: float | None = None

    def noted(self, frames: Iterator[npt.NDArray[np.uint8]]) -> Iterator[npt.NDArray[np.uint8]]:
        """The same frames; the time of each is noted as it comes.

        Args:
            frames: (H, W, 3) uint8 RGB, from their first one on; closed at the end.
        """
        try:
            for number, image in enumerate(frames):
                self._came.append((number, time.monotonic(), time.time()))
                yield image
        finally:
            close = getattr(frames, "close", None)
            if close is not None:
                close()

    def pop(self, frame_index: int) -> tuple[float, float]:
        """When a frame came; earlier ones are forgotten.

        Args:
            frame_index: Later than that of the one before.

        Returns:
            Seconds since the first frame came, and Unix time in seconds.
        """
        while True:
            number, steady, unix = self._came.popleft()
            if self._first is None:
                self._first = steady
            if number == frame_index:
                return steady - self._first, unix


def streamed_id(instance_id: int) -> int:
    """What an instance of a live run is called in its stream and in its file: 1, 2, ..."""
    return instance_id + 1


def check_stream(place: Path, output: Path | None, model: str) -> None:
    """Find out before the work whether lines can be written to a place.

    Args:
        place: The file, a named pipe or a device, or ``-``.
        output: The file of annotations, if there is one.
        model: Name or file of the model.

    Raises:
        OutputError: They cannot, the place is named twice, or is called like a video.
    """
    if place == STANDARD_OUTPUT:
        return
    taken = {Path(model).resolve(), *([] if output is None else [output.resolve()])}
    if place.resolve() in taken:
        raise OutputError(
            f"{place} is named twice; writing there would destroy the other.", path=place
        )
    if place.suffix.lower() in FILE_SUFFIXES:
        raise OutputError(
            f"{place} is called like a video, but masks are streamed as lines of JSON; name a "
            ".jsonl file.",
            path=place,
        )
    if not place.exists() or place.is_file() or place.is_dir():
        check_output(place)


def _opened(place: Path) -> int | None:
    """A descriptor without a buffer, so that nothing is left to be written at the end."""
    try:
        if place == STANDARD_OUTPUT:
            return os.dup(sys.stdout.fileno())
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
        return os.open(place, flags, 0o666)
    except (AttributeError, ValueError):  # standard output that is no file
        return None
    except OSError as error:
        if place == STANDARD_OUTPUT and error.errno is None:  # the same, as io has it
            return None
        raise _cannot_write(str(place), place, error) from error


def _cannot_write(name: str, place: Path, error: OSError) -> OutputError:
    reason = error.strerror or str(error)
    return OutputError(f"Cannot write {name}: {reason[:1].lower()}{reason[1:]}.", path=place)
