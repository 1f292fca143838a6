"""Ranges of frames as a person types them: by number, or by time."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ifc_core.errors import InputError

if TYPE_CHECKING:
    from ifc_core.annotation import ProjectReader, VideoEntry
    from ifc_core.annotation.locating import Nearby
    from ifc_core.io.video import VideoReader

_NUMBER = re.compile(r"[0-9]{1,12}")
_TIME = re.compile(r"(?:([0-9]{1,4}):)?([0-9]{1,4}):([0-9]{1,2}(?:\.[0-9]{1,6})?)")
_LOOKS_LIKE_TIME = re.compile(r"[0-9]{1,4}(?::[0-9]{1,2})?:0[0-9](?:\.[0-9]+)?")

FRAME_RANGE_HELP = (
    "Only these frames, both included: 100:199, or times such as 1:05-1:20; either end may be "
    "left out."
)


@dataclass(frozen=True, slots=True)
class TypedRange:
    """A range of frames as it was typed; what it means depends on the video.

    Attributes:
        text: As it was typed.
        first: Frame, seconds as a float, or ``None`` for the start.
        last: The same of the end, which is included.
    """

    text: str
    first: int | float | None
    last: int | float | None

    @property
    def has_times(self) -> bool:
        """Whether the frame rate of the video is needed."""
        return isinstance(self.first, float) or isinstance(self.last, float)

    def frames(
        self, num_frames: int, fps: float, name: str, times: Sequence[float] = ()
    ) -> tuple[int, int]:
        """First and last frame, included, of a video.

        Args:
            num_frames: Of the video.
            fps: Its frames a second; 0 where nobody knows them.
            name: Of the video, for what is said.
            times: Seconds of each frame after the first one, where they are known; the rate may
                vary. A time means the frame that is shown then.

        Raises:
            InputError: The video has no such frame, or nobody knows its times.
        """
        if self.has_times and fps <= 0:
            raise InputError(f"Nobody knows the times of {name}; give numbers of frames.")
        first = 0 if self.first is None else _frame(self.first, fps, times)
        last = num_frames - 1 if self.last is None else _frame(self.last, fps, times)
        if first >= num_frames:
            raise InputError(
                f"{self.text} lies beyond the end of {name}, whose last frame is {num_frames - 1}."
            )
        if first > last:
            raise InputError(f"{self.text} ends before it begins.")
        return first, min(last, num_frames - 1)


def parse_frame_range(text: str) -> TypedRange:
    """``"100:199"`` or ``"1:05-1:20"``; either end may be left out.

    Two numbers that may as well be one time, such as 1:05, are refused.

    Raises:
        InputError: It is no range.
    """
    words = text.strip()
    first, dash, last = words.partition("-")
    if not dash:
        if _LOOKS_LIKE_TIME.fullmatch(words):
            raise InputError(
                f"{text} may be a time; write {_plain(words)} for frames, or two times with a "
                f"dash, such as {words}-{words[:-1]}9."
            )
        first, colon, last = words.partition(":")
        if not colon or ":" in last:
            raise _no_range(text)
    ends = [_end(part.strip(), text) for part in (first, last)]
    if ends == [None, None] and words not in (":", "-"):
        raise _no_range(text)
    return TypedRange(text, *ends)


def frames_of(reader: VideoReader, typed: TypedRange | None) -> range:
    """The frames of an open video that a range means; all of them where there is none.

    Raises:
        InputError: The video has no such frame, or nobody knows its times.
    """
    video = reader.video
    if typed is None:
        return range(video.num_frames)
    fps = video.fps if reader.has_rate else 0.0
    times = reader.pts_seconds.tolist() if fps and typed.has_times else ()
    first, last = typed.frames(video.num_frames, fps, video.path.name, times)
    return range(first, last + 1)


def rate_of(reader: ProjectReader, entry: VideoEntry, nearby: Nearby) -> float:
    """Frames per second of a video of a project; 0 where nobody said how fast pictures follow.

    What a person said of pictures comes first, then what a stack says itself. A video that lies
    elsewhere now is asked there.

    Args:
        reader: The project.
        entry: The video.
        nearby: What was looked at for other videos.
    """
    from ifc_core.io.picture_reader import PICTURE_FPS
    from ifc_core.io.video import are_pictures, open_video

    if not entry.are_pictures or entry.given_fps:
        return entry.rate
    place = reader.find_video_file(entry.id, nearby=nearby)
    if place is None:
        return 0.0 if entry.fps == PICTURE_FPS else entry.fps
    if not are_pictures(place):
        return entry.fps
    if place.is_dir():
        return 0.0
    with open_video(place) as stack:
        return 1.0 / stack.frame_seconds if stack.frame_seconds else 0.0


def _plain(words: str) -> str:
    """What looks like a time as a range of frames."""
    parts = words.split(".")[0].split(":")
    return ":".join(str(int(part)) for part in parts[-2:])


def _end(part: str, text: str) -> int | float | None:
    if not part:
        return None
    if _NUMBER.fullmatch(part):
        return int(part)
    time = _TIME.fullmatch(part)
    if time is None:
        raise _no_range(text)
    return 3600.0 * int(time[1] or 0) + 60.0 * int(time[2]) + float(time[3])


def _no_range(text: str) -> InputError:
    return InputError(
        f"{text} is no range of frames; write it as 100:199, or with times as 1:05-1:20."
    )


def _frame(end: int | float, fps: float, times: Sequence[float]) -> int:
    if isinstance(end, int):
        return end
    if not times or end >= times[-1] + 1.0 / fps:  # beyond the last frame, or a mean rate
        return max(len(times), int(end * fps + 1e-6))
    return max(0, bisect_right(times, end + 1e-6) - 1)
