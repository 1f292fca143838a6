"""Which frames of a video the pictures that an annotation file names are."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from itertools import pairwise
from pathlib import PurePosixPath
from typing import NamedTuple

from ifc_core.annotation.rows import normalised
from ifc_core.errors import FormatError
from ifc_core.io.frame_list import numbers_at_end
from ifc_core.io.ytvis_types import YtvisVideo
from ifc_core.structures import Video

_ZEROS = re.compile(r"(?<![0-9])0+(?=[0-9]+$)")
_MOST_NAMED = 5


class FrameRule(StrEnum):
    """What says which frames are meant."""

    CERTAIN = "certain"  # all of them are, the key says so, or pictures have these names
    PICTURES = "pictures"  # the numbers at the end of the names of pictures alone
    FROM_0 = "from 0"  # numbers alone, and the first frame of the video is 0
    FROM_1 = "from 1"  # numbers alone, and the first frame of the video is 1


class Frames(NamedTuple):
    """Frames of a video, and what says which they are."""

    places: tuple[int, ...]
    rule: FrameRule = FrameRule.CERTAIN


class FramesError(FormatError):
    """What a file says of its frames fits no frames of the video."""


def frames_of(
    video: YtvisVideo, known: Video, pictures: Callable[[], list[str]], first_number: int | None
) -> Frames:
    """Frame of the video for each frame of the file.

    The extension key says so for the content that it was written for. Else, where the file
    holds fewer frames than the video, the names of the pictures do if the video is a folder,
    then the key, then the numbers that the file itself gives them, then numbers such as in
    ``00005.jpg``; a text of masks is in order from where its reader began to count. A folder of
    as many pictures, such as an export writes them, holds just those, whatever the key says of
    the video that they were taken from.

    Args:
        video: The video of the file.
        known: The video that it may be.
        pictures: Names of its pictures, none where it is no folder; asked for only where they
            tell something.
        first_number: The number of the first frame of a video, 0 or 1; ``None`` to tell by the
            greatest number: where it is how many frames the video has, the first one is 1.

    Returns:
        The frames, ascending; the last one lies beyond the video where it is shorter than the
        file says.

    Raises:
        FramesError: There are fewer than the video has, and nothing tells which.
    """
    indices = video.details.frame_indices if video.details is not None else ()
    is_same = video.details is not None and video.details.fingerprint == known.fingerprint
    if indices and is_same and known.fingerprint:
        return Frames(indices)
    in_order = tuple(range(video.length))
    if known.num_frames == video.length:
        return Frames(in_order)
    if len(video.file_names) != video.length:
        return Frames(indices or in_order)
    files = pictures()
    by_name = _places_of(video.file_names, files)
    is_guess = by_name is not None and by_name.rule is FrameRule.PICTURES
    if by_name is not None and not (is_guess and (indices or video.numbers)):
        return by_name
    if video.is_open and not indices:  # its reader counted
        return in_sequence(video)
    if indices or video.length > known.num_frames:  # no numbers of so many fit
        return Frames(indices or in_order)
    return _numbered(video, known, first_number, is_folder=bool(files))


def in_sequence(video: YtvisVideo) -> Frames:
    """All frames of a video of which only its masks say how long it is, from its first one."""
    rule = FrameRule.CERTAIN
    if video.numbers:
        rule = FrameRule.FROM_1 if video.numbers[0] else FrameRule.FROM_0
    return Frames(tuple(range(video.length)), rule)


def unseen_frames(video: YtvisVideo, first_number: int | None) -> Frames:
    """Frames of a video that is not there to be compared: by the file's own numbers, or in order.

    Args:
        video: A video that the extension key says nothing of.
        first_number: The number of its first frame; ``None`` to take it for 0, but for 1 where
            there are all numbers from there.

    Raises:
        FramesError: One lies before the first frame.
    """
    if video.is_open or not video.numbers:
        return in_sequence(video)
    numbers = video.numbers
    first = first_number
    if first is None:
        first = int(numbers[0] == 1 and numbers[-1] == len(numbers))
    if numbers[0] < first:
        raise _before(video, numbers[0], first)
    rule = FrameRule.FROM_1 if first else FrameRule.FROM_0
    places = tuple(number - first for number in numbers)
    return Frames(places, rule if numbers[0] else FrameRule.CERTAIN)


def first_number_of(video: YtvisVideo) -> int | None:
    """The lowest number of a video's frames, as the file or the names of its pictures give it."""
    numbers = video.numbers or numbers_at_end(_stems(video.file_names))
    return numbers[0] if numbers else None


def _numbered(
    video: YtvisVideo, known: Video, first_number: int | None, *, is_folder: bool
) -> Frames:
    """Frames by their numbers, which tell only the first one's place where one counts from 1."""
    numbers = video.numbers or numbers_at_end(_stems(video.file_names))
    if numbers is None:
        names = _some(_stems(video.file_names))
        raise FramesError(
            f"The file has {_counted(video.length)} of {video.name}, which has {known.num_frames}, "
            f"and their names ({names}) do not say which: they need ascending numbers at their end."
        )
    first = first_number
    if first is None:
        first = int(numbers[-1] == known.num_frames and numbers[0] > 0)
    places = tuple(number - first for number in numbers)
    beyond = [n for n, place in zip(numbers, places, strict=True) if place >= known.num_frames]
    if beyond or places[0] < 0:
        shown = _some([str(number) for number in beyond])
        counted = "" if first_number is None else f", counted from {first}"
        if not beyond:
            raise _before(video, numbers[0], first)
        raise FramesError(
            f"The numbers {shown} of pictures of {video.name} lie beyond the "
            f"{_counted(known.num_frames)} of the video{counted}."
        )
    if is_folder and first_number is None and not first and not video.numbers:
        return Frames(places, FrameRule.PICTURES)
    return Frames(places, FrameRule.FROM_1 if first else FrameRule.FROM_0)


def _before(video: YtvisVideo, number: int, first: int) -> FramesError:
    return FramesError(
        f"The number {number} of a picture of {video.name} lies before its first frame, "
        f"counted from {first}."
    )


def _places_of(names: Sequence[str], files: Sequence[str]) -> Frames | None:
    """The places of pictures among the files of a folder; ``None`` where not all are there.

    They are known by their names, else without suffix, since masks of pictures are PNGs, else
    with more or fewer zeros before their numbers, as programs write them, else by those alone.
    """
    if len(names) > len(files):
        return None
    wanted = [normalised(name).rpartition("/")[2] for name in names]
    spelled: list[tuple[Sequence[object], Sequence[object]]] = [
        (wanted, files),
        (_stems(wanted), _stems(files)),
        (_unpadded(wanted), _unpadded(files)),
        (numbers_at_end(_stems(wanted)) or (), numbers_at_end(_stems(files)) or ()),
    ]
    for way, (keys, those) in enumerate(spelled):
        places = {key: place for place, key in enumerate(those)}
        found = [places.get(key) for key in keys]
        frames = tuple(frame for frame in found if frame is not None)
        is_ascending = all(a < b for a, b in pairwise(frames))
        if frames and len(frames) == len(keys) and is_ascending and len(places) == len(those):
            is_last = way == len(spelled) - 1
            return Frames(frames, FrameRule.PICTURES if is_last else FrameRule.CERTAIN)
    return None


def _unpadded(names: Sequence[str]) -> list[str]:
    return [_ZEROS.sub("", stem) for stem in _stems(names)]


def _stems(names: Sequence[str]) -> list[str]:
    return [PurePosixPath(name).stem for name in names]


def _some(names: Sequence[str]) -> str:
    shown = [name[:40] for name in names[:_MOST_NAMED]]
    return ", ".join(shown) + (" and more" if len(names) > _MOST_NAMED else "")


def _counted(number: int) -> str:
    return "1 frame" if number == 1 else f"{number:,} frames"
