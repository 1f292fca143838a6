"""Which frames a file covers, of each video, in a short text that the journal keeps."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ifc_core.annotation.file_videos import FileVideo

Runs = tuple[range, ...]
"""Frames as ascending ranges that do not interlace."""


def runs_of(frames: Collection[int]) -> Runs:
    """Frames as ranges, each as long as their distances stay the same."""
    order = sorted(set(frames))
    runs, begin = [], 0
    while begin < len(order):
        end = begin + 1
        step = order[end] - order[begin] if end < len(order) else 1
        while end < len(order) and order[end] - order[end - 1] == step:
            end += 1
        runs.append(range(order[begin], order[end - 1] + 1, step))
        begin = end
    return tuple(runs)


def among(frames: Sequence[int], runs: Runs) -> list[int]:
    """Of some frames those that are in the ranges."""
    begins = [run.start for run in runs]
    places = [(frame, bisect_right(begins, frame) - 1) for frame in frames]
    return [frame for frame, place in places if place >= 0 and frame in runs[place]]


def covered_text(places: Mapping[int, FileVideo], named: Collection[int]) -> str:
    """Which frames of its videos the file covers, for the journal.

    Args:
        places: File id of each video -> where it goes, in the order in which videos are added.
        named: Those of which the file says something.
    """
    new: dict[int, int] = {}
    covered: dict[int, set[int]] = {}
    for key, entry in places.items():
        place = entry.place
        if not isinstance(place, int):
            place = new.setdefault(id(place), -1 - len(new))
        if key in named:
            covered.setdefault(place, set()).update(entry.frames)
    return as_text(covered)


def as_text(covered: Mapping[int, Collection[int]]) -> str:
    """Frames of each video, such as ``1:0-9 4:0-98/2,120-120``.

    Args:
        covered: Video -> frames; one that the edit adds is -1, the next one -2.
    """
    return " ".join(
        f"{video}:{','.join(_run_text(run) for run in runs_of(frames))}"
        for video, frames in covered.items()
    )


def from_text(text: str, added: Sequence[int]) -> dict[int, Runs]:
    """The same read again.

    Args:
        text: What :func:`as_text` wrote.
        added: The videos that the edit added, in turn.

    Raises:
        ValueError: It is none.
    """
    covered = {}
    for entry in text.split():
        video, _, runs = entry.partition(":")
        number = int(video)
        if -number > len(added):
            raise ValueError(f"{entry!r} is of a video that was not added")
        place = number if number >= 0 else added[-number - 1]
        covered[place] = tuple(_run(run) for run in runs.split(",") if run)
    return covered


def _run_text(run: range) -> str:
    step = "" if run.step == 1 else f"/{run.step}"
    return f"{run[0]}-{run[-1]}{step}"


def _run(text: str) -> range:
    bounds, _, step = text.partition("/")
    first, _, last = bounds.partition("-")
    return range(int(first), int(last) + 1, int(step or 1))
