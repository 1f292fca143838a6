"""The list of what was opened lately, for the start page and the File menu."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.errors import OutputError
from ifc_core.io.atomic import atomic_output

_KEEP = 12
_THUMBNAIL_WIDTH_PX = 240


@dataclass(frozen=True, slots=True)
class RecentItem:
    """Something that was opened before.

    Attributes:
        path: Absolute path of the video, frame folder or project.
        opened_unix_seconds: When it was opened last.
        num_frames: Length of the video, or of all videos of the project.
        num_tracks: Tracks in it when it was closed.
        approved_frames: Frames approved when it was closed.
    """

    path: str
    opened_unix_seconds: float
    num_frames: int
    num_tracks: int = 0
    approved_frames: int = 0

    @property
    def name(self) -> str:
        """The last part of the path."""
        return Path(self.path).name


class RecentList:
    """Recently opened items, newest first, kept in a small JSON file.

    A damaged file counts as an empty list: nothing of value is in it.

    Args:
        folder: Where the list and its thumbnails live.
        clock: Seconds since 1970; replaced in tests.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock

    @property
    def _file(self) -> Path:
        return self._folder / "recent.json"

    def items(self) -> list[RecentItem]:
        """What still exists, newest first."""
        try:
            rows = json.loads(self._file.read_text(encoding="utf-8"))
            found = [RecentItem(**row) for row in rows]
            return [item for item in found if _is_there(item.path)]
        except (OSError, ValueError, TypeError):
            return []

    def add(
        self,
        path: Path,
        num_frames: int,
        first_frame: npt.NDArray[np.uint8] | None = None,
        *,
        instead_of: Path | None = None,
    ) -> None:
        """Put an item at the top.

        Args:
            path: What was opened.
            num_frames: Length of its video, or of all of them.
            first_frame: (H, W, 3) uint8 RGB for the thumbnail.
            instead_of: An item that opened the same and is no longer listed.

        Raises:
            OutputError: The list cannot be written.
        """
        absolute = str(path.resolve())
        known = {item.path: item for item in self.items()}
        if instead_of is not None and (gone := str(instead_of.resolve())) != absolute:
            known.pop(gone, None)
        before = known.pop(absolute, RecentItem(absolute, 0.0, num_frames))
        newest = replace(before, opened_unix_seconds=self._clock(), num_frames=num_frames)
        try:
            (self._folder / "thumbnails").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"{self._folder} cannot be made: {error.strerror}.", path=self._folder
            ) from error
        if first_frame is not None:
            self._write_thumbnail(newest, first_frame)
        self._write([newest, *known.values()][:_KEEP])

    def note_progress(self, path: Path, num_tracks: int, approved_frames: int) -> None:
        """Remember how far the work on an item is, when it is closed.

        Raises:
            OutputError: The list cannot be written.
        """
        absolute = str(path.resolve())
        items = self.items()
        noted = [
            replace(item, num_tracks=num_tracks, approved_frames=approved_frames)
            if item.path == absolute
            else item
            for item in items
        ]
        if noted != items:
            self._write(noted)

    def _write(self, items: list[RecentItem]) -> None:
        with atomic_output(self._file) as temporary:
            temporary.write_text(json.dumps([asdict(item) for item in items]), encoding="utf-8")

    def thumbnail(self, item: RecentItem) -> Path | None:
        """The picture of an item, if there is one."""
        file = self._thumbnail_file(item)
        return file if file.exists() else None

    def _thumbnail_file(self, item: RecentItem) -> Path:
        name = hashlib.sha256(item.path.encode()).hexdigest()[:16]
        return self._folder / "thumbnails" / f"{name}.png"

    def _write_thumbnail(self, item: RecentItem, frame: npt.NDArray[np.uint8]) -> None:
        height = max(1, round(frame.shape[0] * _THUMBNAIL_WIDTH_PX / frame.shape[1]))
        small = cv2.resize(frame, (_THUMBNAIL_WIDTH_PX, height), interpolation=cv2.INTER_AREA)
        coded, data = cv2.imencode(".png", cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
        if not coded:
            return
        with atomic_output(self._thumbnail_file(item)) as temporary:
            temporary.write_bytes(data.tobytes())


def _is_there(path: str) -> bool:
    """Whether something is at a path; one in a folder that may not be entered is not."""
    try:
        return Path(path).exists()
    except OSError:
        return False
